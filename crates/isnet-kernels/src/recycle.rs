//! A global allocator that keeps large blocks for the next step.
//!
//! A training step allocates and frees the same hundreds of megabytes again and again, in blocks that the system's allocator takes from
//! and returns to the operating system each time. Every page of a fresh block costs a fault, together as much as the arithmetic of a
//! batch norm. [`Recycler`] hands such blocks out again instead.

#![expect(unsafe_code, reason = "an allocator works on raw memory")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::{Mutex, PoisonError},
};

/// Blocks of fewer bytes are left to the system's allocator.
const LARGE: usize = 1 << 17;
/// Most bytes that may lie idle.
const IDLE: usize = 1 << 32;
/// Sizes per power of two: at most an eighth of a block is wasted.
const STEPS: usize = 8;
const CLASSES: usize = (usize::BITS as usize) * STEPS;
/// Alignment of every block.
const ALIGN: usize = 64;

/// Idle blocks by size, each holding the address of the next.
struct Idle {
    first: [*mut u8; CLASSES],
    bytes: usize,
}

// SAFETY: the blocks belong to the list alone, and the list is only reached through its lock.
unsafe impl Send for Idle {}

static LIST: Mutex<Idle> = Mutex::new(Idle { first: [ptr::null_mut(); CLASSES], bytes: 0 });

/// The system's allocator with a memory for large blocks.
///
/// # Example
/// ```
/// #[global_allocator]
/// static ALLOCATOR: isnet_kernels::Recycler = isnet_kernels::Recycler;
///
/// let first = vec![1.0_f32; 1 << 20];
/// let place = first.as_ptr();
/// drop(first);
/// assert_eq!(vec![0.0_f32; 1 << 20].as_ptr(), place);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Recycler;

impl Recycler {
    /// Gives all idle blocks back to the system: after work of another kind, such as loading a model, whose blocks nobody will ask for again.
    pub fn trim() {
        let mut list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
        for class in 0..CLASSES {
            while !list.first[class].is_null() {
                let idle = list.first[class];
                let bytes = bytes_of(class);
                list.bytes -= bytes;
                // SAFETY: an idle block begins with the address of the next, and came from the system with the layout of its class.
                unsafe {
                    list.first[class] = idle.cast::<*mut u8>().read();
                    System.dealloc(idle, block(bytes));
                }
            }
        }
    }
}

/// The bytes of a class's blocks.
fn bytes_of(class: usize) -> usize {
    let power = 1_usize << (class / STEPS);
    power + class % STEPS * (power / STEPS)
}

/// The class of a size, and the bytes of its blocks.
fn class(size: usize) -> (usize, usize) {
    let power = (usize::BITS - 1 - size.leading_zeros()) as usize;
    let step = (1_usize << power) / STEPS;
    let steps = (size - (1 << power)).div_ceil(step);
    (power * STEPS + steps, (1 << power) + steps * step)
}

/// Whether a layout is for the list.
fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= ALIGN && layout.size() <= isize::MAX as usize / 2
}

/// The layout of a class's blocks.
fn block(bytes: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and `is_large` keeps the size far from overflow.
    unsafe { Layout::from_size_align_unchecked(bytes, ALIGN) }
}

fn take(class: usize, bytes: usize) -> Option<*mut u8> {
    let mut list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    let found = list.first[class];
    if found.is_null() {
        return None;
    }
    // SAFETY: an idle block begins with the address of the next, written by `give`.
    list.first[class] = unsafe { found.cast::<*mut u8>().read() };
    list.bytes -= bytes;
    Some(found)
}

/// Whether the list took the block.
fn give(class: usize, bytes: usize, freed: *mut u8) -> bool {
    let mut list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    if list.bytes + bytes > IDLE {
        return false;
    }
    // SAFETY: the block is free, large enough for an address, and aligned to more than one.
    unsafe { freed.cast::<*mut u8>().write(list.first[class]) };
    list.first[class] = freed;
    list.bytes += bytes;
    true
}

// SAFETY: small blocks are the system's. A large one comes from the system with the layout of its class, which depends on the requested
// size alone, and is handed to one owner at a time: it leaves the list before it is given out and enters it when it is freed.
unsafe impl GlobalAlloc for Recycler {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            return unsafe { System.alloc(layout) };
        }
        let (class, bytes) = class(layout.size());
        take(class, bytes).unwrap_or_else(|| unsafe { System.alloc(block(bytes)) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            return unsafe { System.alloc_zeroed(layout) };
        }
        let (class, bytes) = class(layout.size());
        match take(class, bytes) {
            Some(found) => {
                unsafe { found.write_bytes(0, layout.size()) };
                found
            }
            // Fresh pages are zero already.
            None => unsafe { System.alloc_zeroed(block(bytes)) },
        }
    }

    unsafe fn dealloc(&self, freed: *mut u8, layout: Layout) {
        if !is_large(layout) {
            return unsafe { System.dealloc(freed, layout) };
        }
        let (class, bytes) = class(layout.size());
        if !give(class, bytes, freed) {
            unsafe { System.dealloc(freed, block(bytes)) }
        }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (is_large(layout), is_large(new_layout)) {
            (false, false) => return unsafe { System.realloc(old, layout, new_size) },
            (true, true) if class(layout.size()) == class(new_size) => return old,
            _ => {}
        }
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            unsafe {
                ptr::copy_nonoverlapping(old, new, layout.size().min(new_size));
                self.dealloc(old, layout);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_sizes_and_wastes_an_eighth_at_most() {
        for size in [LARGE, LARGE + 1, 200_000, 262_143, 262_144, 262_145, 3_211_264, 25_690_112] {
            let (number, bytes) = class(size);
            assert!(bytes >= size && bytes - size <= size / STEPS, "{size} in {bytes}");
            assert_eq!((class(bytes), bytes_of(number)), ((number, bytes), bytes), "{size}");
        }
        assert!(class(LARGE + 1).0 > class(LARGE).0);
    }

    #[test]
    fn blocks_are_given_out_again_zeroed_if_asked_and_grow_with_their_content() {
        let layout = Layout::from_size_align(LARGE + 77, 4).unwrap();
        // SAFETY: every pointer is used within its layout and freed once.
        unsafe {
            let first = Recycler.alloc(layout);
            first.write_bytes(7, layout.size());
            Recycler.dealloc(first, layout);
            let second = Recycler.alloc_zeroed(layout);
            assert!((0..layout.size()).all(|at| second.add(at).read() == 0));
            second.write_bytes(9, layout.size());
            let grown = Recycler.realloc(second, layout, 4 * LARGE);
            assert!((0..layout.size()).all(|at| grown.add(at).read() == 9));
            let small = Recycler.realloc(grown, Layout::from_size_align(4 * LARGE, 4).unwrap(), 100);
            assert!((0..100).all(|at| small.add(at).read() == 9));
            Recycler.dealloc(small, Layout::from_size_align(100, 4).unwrap());
        }
    }
}
