//! What memory there is, and what this process has of it, where the system tells.

use std::fs;
use std::path::Path;

/// Bytes that can be had without pushing others out, within the limits that a container or a shell sets.
pub fn available() -> Option<u64> {
    let rooms = [kilobytes("/proc/meminfo", "MemAvailable:"), container_room(), address_room()];
    rooms.into_iter().flatten().min()
}

/// Whether the system would give so many bytes at all. None of them is touched, so nothing is taken.
pub fn can_be_had(bytes: u64) -> bool {
    usize::try_from(bytes).is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok())
}

/// The most that a set may take by default: what is left is for models and batches. A short file can hold a large set, and
/// ends the program if nobody looks.
pub fn share() -> u64 {
    available().map_or(u64::MAX, |bytes| bytes / 4 * 3)
}

/// Bytes that this process has in memory, and the most that it ever had.
pub fn used() -> Option<[u64; 2]> {
    let of = |name| kilobytes("/proc/self/status", name);
    Some([of("VmRSS:")?, of("VmHWM:")?])
}

/// What the control group of this process leaves, as containers have one. What is only cached counts as free.
fn container_room() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let folder = Path::new("/sys/fs/cgroup").join(group);
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    room_of_group(&read("memory.max")?, &read("memory.current")?, &read("memory.stat")?)
}

fn room_of_group(max: &str, current: &str, stat: &str) -> Option<u64> {
    let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file "))?.trim().parse::<u64>().ok()?;
    let used = current.trim().parse::<u64>().ok()?.saturating_sub(cached);
    Some(max.trim().parse::<u64>().ok()?.saturating_sub(used))
}

/// What `ulimit -v` leaves.
fn address_room() -> Option<u64> {
    let most = most_address_space(&fs::read_to_string("/proc/self/limits").ok()?)?;
    Some(most.saturating_sub(kilobytes("/proc/self/status", "VmSize:")?))
}

/// The soft limit, in bytes, if there is one.
fn most_address_space(limits: &str) -> Option<u64> {
    limits.lines().find_map(|line| line.strip_prefix("Max address space"))?.split_whitespace().next()?.parse().ok()
}

fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_where_there_are_some() {
        let stat = "anon 5000\nfile 900\ninactive_file 300\n";
        assert_eq!(room_of_group("10000\n", "6000\n", stat), Some(4300));
        assert_eq!(room_of_group("100\n", "6000\n", stat), Some(0));
        assert_eq!(room_of_group("max\n", "6000\n", stat), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax address space         409600000            unlimited            bytes\n";
        assert_eq!(most_address_space(limits), Some(409_600_000));
        assert_eq!(most_address_space(&limits.replace("409600000", "unlimited")), None);
    }

    #[test]
    fn nobody_has_half_of_all_addresses() {
        assert!(can_be_had(1 << 20) && !can_be_had(u64::MAX) && !can_be_had(1 << 62));
    }
}
