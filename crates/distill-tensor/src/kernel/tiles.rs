//! Products of small matrices of bf16 by AMX: `tdpbf16ps` multiplies 16 rows of 16 pairs with 16 columns at once.
//!
//! Tiles are registers of the thread that the compiler knows nothing of. They are told their sides once for many products, see
//! [`Tiles::with`], and nothing else in this program uses them.

use std::arch::asm;
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::OnceLock;

/// The most rows, and the most columns of 32 bits, that a tile has.
pub(super) const SIDE: usize = 16;

/// Tiles that know their sides: up to four sums of `rows` by `columns`, two operands of `rows` by `pairs` and two of `pairs` by
/// `columns`. Each side is 1 to 16.
pub(crate) struct Tiles {
    pub(crate) rows: usize,
    pub(crate) pairs: usize,
    pub(crate) columns: usize,
    /// They belong to the thread that set them up.
    of_thread: PhantomData<*const ()>,
}

/// Numbers of 32 bits, a number of them from one row of a tile to the next, which may be 0.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) step: usize,
}

thread_local! {
    static IN_USE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the processor has tiles, and the operating system lets us use them. It is asked once.
pub(crate) fn has_tiles() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| super::bf16_is_native() && ask_for_tiles())
}

#[cfg(target_os = "linux")]
fn ask_for_tiles() -> bool {
    use std::arch::x86_64::__cpuid_count;

    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    const REQUEST_PERMISSION: usize = 0x1023;
    const TILE_DATA: usize = 18;
    // The processor has this leaf: it has AVX-512.
    let found = __cpuid_count(7, 0).edx;
    if found & (AMX_BF16 | AMX_TILE) != AMX_BF16 | AMX_TILE {
        return false;
    }
    let mut result: usize = 158;
    // SAFETY: `arch_prctl` with this request changes what the kernel saves of the threads of this process, and no memory of it. It
    // fails where the kernel or the processor does not know it. A system call changes the three registers named.
    unsafe {
        asm!("syscall", inout("rax") result, in("rdi") REQUEST_PERMISSION, in("rsi") TILE_DATA, out("rcx") _, out("r11") _, options(nostack));
    }
    result == 0
}

/// Other systems have their own way to ask.
#[cfg(not(target_os = "linux"))]
fn ask_for_tiles() -> bool {
    false
}

impl Tiles {
    /// Runs `f` with tiles of these sides.
    ///
    /// # Panics
    /// If there are none ([`has_tiles`]), a side is not 1 to 16, or the thread has tiles in use.
    pub(crate) fn with<T>([rows, pairs, columns]: [usize; 3], f: impl FnOnce(&Self) -> T) -> T {
        /// Gives them back, also where `f` panics.
        struct Release;
        impl Drop for Release {
            fn drop(&mut self) {
                // SAFETY: they were set up.
                unsafe { asm!("tilerelease", options(nostack, nomem)) };
                IN_USE.set(false);
            }
        }
        assert!(has_tiles(), "the processor has tiles");
        assert!([rows, pairs, columns].iter().all(|side| (1..=SIDE).contains(side)), "sides of a tile");
        assert!(!IN_USE.replace(true), "one set of tiles at a time");
        let mut sides = [0_u8; 64];
        sides[0] = 1;
        for tile in 0..8 {
            let (rows, columns) = match tile {
                0..4 => (rows, columns),
                4 | 5 => (rows, pairs),
                _ => (pairs, columns),
            };
            sides[16 + 2 * tile] = (4 * columns) as u8;
            sides[48 + tile] = rows as u8;
        }
        // SAFETY: the processor has tiles and the system lets us use them, as was asserted; the sides are in their bounds.
        unsafe { asm!("ldtilecfg [{}]", in(reg) sides.as_ptr(), options(nostack, readonly)) };
        let _release = Release;
        f(&Self { rows, pairs, columns, of_thread: PhantomData })
    }

    /// Sum number `tile`, of four, begins with these.
    #[inline(always)]
    pub(crate) fn load_sum(&self, tile: usize, from: Rows<'_, f32>) {
        check(from.values, from.step, self.rows, self.columns);
        load(tile, from.values.as_ptr().cast(), from.step);
    }

    /// First operand number `tile`, of two.
    #[inline(always)]
    pub(crate) fn load_first(&self, tile: usize, from: Rows<'_, u32>) {
        check(from.values, from.step, self.rows, self.pairs);
        load(4 + tile, from.values.as_ptr(), from.step);
    }

    /// Second operand number `tile`, of two.
    #[inline(always)]
    pub(crate) fn load_second(&self, tile: usize, from: Rows<'_, u32>) {
        check(from.values, from.step, self.pairs, self.columns);
        load(6 + tile, from.values.as_ptr(), from.step);
    }

    /// Adds to sum `2 first + second` the product of two operands.
    #[inline(always)]
    pub(crate) fn multiply_add(&self, first: usize, second: usize) {
        // SAFETY: the tiles are set up for as long as `self` lives, with sides that fit each other.
        unsafe {
            match (first, second) {
                (0, 0) => asm!("tdpbf16ps tmm0, tmm4, tmm6", out("tmm0") _, options(nostack, nomem)),
                (0, 1) => asm!("tdpbf16ps tmm1, tmm4, tmm7", out("tmm1") _, options(nostack, nomem)),
                (1, 0) => asm!("tdpbf16ps tmm2, tmm5, tmm6", out("tmm2") _, options(nostack, nomem)),
                (1, 1) => asm!("tdpbf16ps tmm3, tmm5, tmm7", out("tmm3") _, options(nostack, nomem)),
                _ => unreachable!("two operands of each kind"),
            }
        }
    }

    /// Writes sum number `tile`.
    #[inline(always)]
    pub(crate) fn store_sum(&self, tile: usize, to: &mut [f32], step: usize) {
        check(to, step, self.rows, self.columns);
        let (to, step) = (to.as_mut_ptr(), 4 * step);
        macro_rules! store {
            ($tile:literal) => {
                asm!(
                    concat!("tilestored [{} + {} * 1], ", $tile),
                    in(reg) to,
                    in(reg) step,
                    options(nostack, preserves_flags)
                )
            };
        }
        // SAFETY: the places lie in the slice, as was checked, and the tiles are set up.
        unsafe {
            match tile {
                0 => store!("tmm0"),
                1 => store!("tmm1"),
                2 => store!("tmm2"),
                3 => store!("tmm3"),
                _ => unreachable!("four sums"),
            }
        }
    }
}

/// # Panics
/// If the rows of a tile do not lie in the slice.
#[inline(always)]
fn check<T>(values: &[T], step: usize, rows: usize, columns: usize) {
    assert!((rows - 1) * step + columns <= values.len(), "rows of a tile");
}

/// Loads a tile from rows that [lie in memory](check), in steps of 32 bits.
#[inline(always)]
fn load(tile: usize, from: *const u32, step: usize) {
    let step = 4 * step;
    macro_rules! load {
        ($tile:tt) => {
            asm!(
                concat!("tileloadd ", $tile, ", [{} + {} * 1]"),
                in(reg) from,
                in(reg) step,
                out($tile) _,
                options(nostack, preserves_flags, readonly)
            )
        };
    }
    // SAFETY: the callers check that the rows lie in a slice, and have tiles that are set up.
    unsafe {
        match tile {
            0 => load!("tmm0"),
            1 => load!("tmm1"),
            2 => load!("tmm2"),
            3 => load!("tmm3"),
            4 => load!("tmm4"),
            5 => load!("tmm5"),
            6 => load!("tmm6"),
            7 => load!("tmm7"),
            _ => unreachable!("eight tiles"),
        }
    }
}
