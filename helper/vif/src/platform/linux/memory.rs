//! Memory for the ring buffers of TCP flows: large in address space, touched only as far as it is used, handed back when idle.

use std::io;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use smoltcp::socket::tcp;

use crate::limits::RING;

const SLOT: usize = 2 * RING;
const SLOTS_PER_BLOCK: usize = 64;
/// Free slots that keep their pages, for the next flows.
const WARM_SLOTS: usize = 64;

/// Hands out slots of two rings each. Blocks are mapped as they are needed and kept for reuse.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Pool>>);

#[derive(Default)]
struct Pool {
    blocks: Vec<NonNull<u8>>,
    free: Vec<NonNull<u8>>,
}

// SAFETY: the pointers name memory that the pool owns and that no thread uses but through a slot.
unsafe impl Send for Pool {}

/// The two rings of one flow. Its memory returns to the pool when it is dropped.
pub(crate) struct RingSlot {
    start: NonNull<u8>,
    memory: Memory,
}

// SAFETY: a slot's memory is used by its owner alone.
unsafe impl Send for RingSlot {}

impl Memory {
    pub fn take(&self) -> io::Result<RingSlot> {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.free.is_empty() {
            let block = map(SLOT * SLOTS_PER_BLOCK)?;
            pool.blocks.push(block);
            for slot in (0..SLOTS_PER_BLOCK).rev() {
                // SAFETY: the offset is inside the block that was just mapped.
                pool.free.push(unsafe { block.add(slot * SLOT) });
            }
        }
        let start = pool.free.pop().expect("a block was just added");
        Ok(RingSlot { start, memory: self.clone() })
    }
}

impl RingSlot {
    /// A TCP socket on this slot's memory.
    ///
    /// # Safety
    /// The socket must be gone before the slot is dropped, and there must be only one at a time.
    pub unsafe fn socket(&mut self) -> tcp::Socket<'static> {
        // SAFETY: both ranges lie in the slot, which is mapped, initialised (zero pages) and, by the caller's promise,
        // referenced by nothing else while the socket lives.
        let (receive, send) = unsafe {
            let start = self.start.as_ptr();
            (std::slice::from_raw_parts_mut(start, RING), std::slice::from_raw_parts_mut(start.add(RING), RING))
        };
        tcp::Socket::new(tcp::SocketBuffer::new(receive), tcp::SocketBuffer::new(send))
    }

    /// Gives the pages back to the system; the rings read as zeros afterwards. Only for rings without content.
    pub fn hand_back(&mut self) {
        // SAFETY: the range is this slot's own mapping. DONTNEED keeps it mapped; its bytes become zeros, which are
        // valid u8, and the rings hold no content that would be lost.
        unsafe { libc::madvise(self.start.as_ptr().cast(), SLOT, libc::MADV_DONTNEED) };
    }
}

impl Drop for RingSlot {
    fn drop(&mut self) {
        if self.memory.0.lock().unwrap_or_else(PoisonError::into_inner).free.len() >= WARM_SLOTS {
            self.hand_back();
        }
        let mut pool = self.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        pool.free.push(self.start);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for block in &self.blocks {
            // SAFETY: the block was mapped with this size, and every slot is back: each of them holds the pool alive.
            unsafe { libc::munmap(block.as_ptr().cast(), SLOT * SLOTS_PER_BLOCK) };
        }
    }
}

fn map(size: usize) -> io::Result<NonNull<u8>> {
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
    // SAFETY: a fresh anonymous mapping touches no memory that exists.
    let block = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
    if block == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A huge page for the few bytes of an idle flow would cost hundreds of times what it holds.
    // SAFETY: the range was just mapped.
    unsafe { libc::madvise(block, size, libc::MADV_NOHUGEPAGE) };
    NonNull::new(block.cast()).ok_or_else(|| io::Error::other("mmap gave the null page"))
}
