use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use ndarray::{ArrayViewMut2, s};

use crate::form::Form;
use crate::rows::Rows;
use crate::{DataError, Windows};

/// Windows that are in memory at a time: one that is used and one that is read.
pub(crate) const N_WINDOWS: usize = 2;

/// Rows of a file in the order in which they will be asked for, read by a thread of its own, a
/// window before it is needed.
///
/// All memory is taken at the start: four bytes for each row of the order, and for the rows of
/// [`N_WINDOWS`] windows and one chunk their bytes, and four more for those of one window.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    order: Arc<Vec<u32>>,
    n_bytes: usize,
    form: Form,
    /// Rows of the order that were served.
    n_served: usize,
    window: Option<Window>,
    full: Receiver<Result<Window, DataError>>,
    /// `None` once nothing is to be read any more.
    empty: Option<SyncSender<Vec<u8>>>,
    stop: Arc<AtomicBool>,
    /// It hands back what it has, so that memory is given back where it was taken.
    thread: Option<JoinHandle<Reader>>,
}

/// The rows at some places of the order.
#[derive(Debug)]
struct Window {
    places: Range<usize>,
    bytes: Vec<u8>,
}

impl ReadAhead {
    /// Begins to read the first windows of `order`, of whose windows `n_done` rows are over.
    ///
    /// `None` if the system has no thread for it.
    pub(crate) fn start(rows: Arc<Rows>, order: Vec<u32>, n_done: usize, windows: Windows) -> Option<Self> {
        let Windows { chunk, window } = windows;
        let (n_bytes, form) = (rows.n_bytes(), rows.form());
        let (order, stop) = (Arc::new(order), Arc::new(AtomicBool::new(false)));
        let (send_full, full) = sync_channel(N_WINDOWS);
        let (empty, get_empty) = sync_channel(N_WINDOWS);
        let longest = window.min(order.len());
        for _ in 0..N_WINDOWS.min(order.len().div_ceil(longest.max(1))) {
            empty.send(Vec::with_capacity(longest * n_bytes)).ok()?;
        }
        let reader = Reader {
            rows,
            order: order.clone(),
            windows,
            first: window - n_done % window,
            sorted: Vec::with_capacity(longest),
            run: vec![0; chunk.min(longest) * n_bytes],
            empty: get_empty,
            full: send_full,
            stop: stop.clone(),
        };
        let thread = thread::Builder::new().name("read ahead".to_owned()).spawn(move || reader.read_all()).ok()?;
        Some(Self {
            order,
            n_bytes,
            form,
            n_served: 0,
            window: None,
            full,
            empty: Some(empty),
            stop,
            thread: Some(thread),
        })
    }

    /// Whether all rows of the order were served.
    pub(crate) fn is_finished(&self) -> bool {
        self.n_served == self.order.len()
    }

    /// The rows of the order that were served.
    #[cfg(test)]
    pub(crate) fn n_served(&self) -> usize {
        self.n_served
    }

    /// Writes as many of the first rows as are asked for in the order that was announced, and
    /// returns their number.
    pub(crate) fn serve(&mut self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<usize, DataError> {
        let is_next = |(index, next): &(&usize, &u32)| **index == **next as usize;
        let expected = indices.iter().zip(&self.order[self.n_served..]).take_while(is_next).count();
        let (n_bytes, form, mut n) = (self.n_bytes, self.form, 0);
        while n < expected {
            let place = self.n_served;
            let Some(window) = self.window()? else { return Ok(n) };
            let n_rows = (expected - n).min(window.places.end - place);
            let bytes = &window.bytes[(place - window.places.start) * n_bytes..];
            form.write_rows(out.slice_mut(s![n..n + n_rows, ..]), |row| &bytes[row * n_bytes..][..n_bytes]);
            n += n_rows;
            self.n_served += n_rows;
        }
        Ok(n)
    }

    /// The window that holds the next row. `None` if there is nobody who reads.
    fn window(&mut self) -> Result<Option<&Window>, DataError> {
        if let Some(used) = self.window.take_if(|window| window.places.end == self.n_served)
            && let Some(empty) = &self.empty
        {
            // Where nobody takes it, all windows have been read.
            let _ = empty.send(used.bytes);
        }
        if self.window.is_none() {
            match self.full.recv() {
                Ok(window) => self.window = Some(window?),
                Err(_) => return Ok(None),
            }
        }
        Ok(self.window.as_ref())
    }
}

impl Drop for ReadAhead {
    /// Waits until the thread has ended, so that its memory is free.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.empty = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has nothing to hand back.
            drop(thread.join());
        }
    }
}

/// What the thread works with.
#[derive(Debug)]
struct Reader {
    rows: Arc<Rows>,
    order: Arc<Vec<u32>>,
    windows: Windows,
    /// Rows of the first window.
    first: usize,
    /// Places of a window, sorted by their rows.
    sorted: Vec<u32>,
    /// Rows that follow each other in the file.
    run: Vec<u8>,
    empty: Receiver<Vec<u8>>,
    full: SyncSender<Result<Window, DataError>>,
    stop: Arc<AtomicBool>,
}

impl Reader {
    fn read_all(mut self) -> Self {
        let (mut start, mut n_rows) = (0, self.first);
        while start < self.order.len() {
            let Ok(mut bytes) = self.empty.recv() else { break };
            let places = start..self.order.len().min(start + n_rows);
            bytes.resize(places.len() * self.rows.n_bytes(), 0);
            (start, n_rows) = (places.end, self.windows.window);
            let filled = self.fill(&places, &mut bytes);
            let failed = filled.is_err();
            // There is room for all windows, so this never waits; if nobody wants it, it is the last.
            if self.full.send(filled.map(|()| Window { places, bytes })).is_err() || failed {
                break;
            }
        }
        self
    }

    /// Reads the rows of a window in the order of the file, which is what disks are fast at.
    fn fill(&mut self, places: &Range<usize>, bytes: &mut [u8]) -> Result<(), DataError> {
        let order = &self.order[places.clone()];
        let n_bytes = self.rows.n_bytes();
        self.sorted.clear();
        self.sorted.extend((0_u32..).take(order.len()));
        self.sorted.sort_unstable_by_key(|&place| order[place as usize]);
        let mut left = &self.sorted[..];
        while let Some(&first) = left.first() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let first = order[first as usize];
            let rows = left.iter().map(|&place| order[place as usize]).take(self.run.len() / n_bytes);
            let n_rows = rows.zip(first..=u32::MAX).take_while(|(row, next)| row == next).count();
            let run = &mut self.run[..n_rows * n_bytes];
            self.rows.read(first as usize, 0, run)?;
            for (&place, row) in left.iter().zip(run.chunks_exact(n_bytes)) {
                bytes[place as usize * n_bytes..][..n_bytes].copy_from_slice(row);
            }
            left = &left[n_rows..];
        }
        self.rows.check_unchanged()
    }
}
