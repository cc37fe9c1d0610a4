//! A fresh buffer that tasks fill side by side.

/// Values not written yet, to be written by tasks that each own some of them.
pub(super) struct SharedOut<T = f32> {
    values: Vec<T>,
    start: *mut T,
    length: usize,
}

#[expect(unsafe_code, reason = "tasks own interleaved parts of the buffer, which slices cannot express")]
// SAFETY: the buffer is reached through `slice` and `pointer` only, whose callers answer for disjointness.
unsafe impl<T: Send> Sync for SharedOut<T> {}

impl<T: Copy + Default> SharedOut<T> {
    pub fn new(length: usize) -> Self {
        let mut values: Vec<T> = Vec::with_capacity(length);
        let start = values.as_mut_ptr();
        if cfg!(debug_assertions) {
            #[expect(unsafe_code, reason = "to be seen, a value that nobody writes must be strange")]
            // SAFETY: inside the allocation; all ones are NaN as a float and −1 as an integer.
            unsafe {
                start.write_bytes(0xff, length);
            }
        }
        Self { values, start, length }
    }

    /// A fresh part, of zeros. Written task by task, they stay in the cache until the task writes over them.
    ///
    /// # Safety
    /// No two tasks have overlapping parts at the same time.
    ///
    /// # Panics
    /// If the part reaches outside the buffer.
    #[expect(unsafe_code, clippy::mut_from_ref, reason = "tasks own interleaved parts of the buffer")]
    pub unsafe fn zeroed(&self, start: usize, length: usize) -> &mut [T] {
        assert!(start + length <= self.length, "a part outside the buffer");
        // SAFETY: inside the allocation, and every value is written before the slice exists.
        unsafe {
            (0..length).for_each(|index| self.start.add(start + index).write(T::default()));
            std::slice::from_raw_parts_mut(self.start.add(start), length)
        }
    }

    /// A part that was written before.
    ///
    /// # Safety
    /// It was, and no two tasks have overlapping parts at the same time.
    ///
    /// # Panics
    /// If the part reaches outside the buffer.
    #[expect(unsafe_code, clippy::mut_from_ref, reason = "tasks own interleaved parts of the buffer")]
    pub unsafe fn written(&self, start: usize, length: usize) -> &mut [T] {
        assert!(start + length <= self.length, "a part outside the buffer");
        // SAFETY: inside the allocation, and the caller wrote the values.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), length) }
    }

    /// Writes a part.
    ///
    /// # Safety
    /// No other task has a part that overlaps.
    ///
    /// # Panics
    /// If the part reaches outside the buffer.
    #[expect(unsafe_code, reason = "tasks own interleaved parts of the buffer")]
    pub unsafe fn write(&self, start: usize, values: &[T]) {
        assert!(start + values.len() <= self.length, "a part outside the buffer");
        // SAFETY: inside the allocation, which nobody else has values of.
        unsafe { self.start.add(start).copy_from_nonoverlapping(values.as_ptr(), values.len()) }
    }

    /// The address of a value.
    ///
    /// # Panics
    /// If it lies outside the buffer.
    pub fn pointer(&self, start: usize) -> *mut T {
        assert!(start < self.length, "a part outside the buffer");
        self.start.wrapping_add(start)
    }

    /// The buffer as written.
    ///
    /// # Safety
    /// Every value has been written.
    #[expect(unsafe_code, reason = "zeroing the values first would be wasted")]
    pub unsafe fn into_vec(mut self) -> Vec<T> {
        // SAFETY: the capacity was reserved in `new`, and the caller wrote the values.
        unsafe { self.values.set_len(self.length) };
        self.values
    }
}
