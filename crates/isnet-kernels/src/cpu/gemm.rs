//! Matrix products on slices: the one door to the `gemm` crate, single-threaded (the callers tile and parallelise).

/// A strided view of `rows × columns` values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    /// The storage, starting at element (0, 0).
    pub values: &'a [f32],
    /// `[rows, columns]`.
    pub shape: [usize; 2],
    /// Elements between two rows and between two columns.
    pub strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// A view whose columns lie next to each other and whose rows are `row_stride` apart.
    pub fn rows(values: &'a [f32], shape: [usize; 2], row_stride: usize) -> Self {
        Self { values, shape, strides: [row_stride, 1] }
    }

    fn reach(&self) -> usize {
        (self.shape[0] - 1) * self.strides[0] + (self.shape[1] - 1) * self.strides[1] + 1
    }
}

/// `out = a · b`, or `out += a · b` if `accumulate`; rows of `out` are `out_stride` apart.
///
/// Every element is one chain of fused multiply-adds from zero in the order of the inner index, then added to `out`; `tests/order.rs` holds
/// `gemm` to it. Exceptions: `gemm` cuts the chain after 512 terms, starts chains of one or two at `out`, and may sum in lanes when the
/// product has one row, one column or up to 256 elements.
///
/// # Panics
/// If the shapes disagree or a view reaches outside its storage.
pub(super) fn multiply(out: &mut [f32], out_stride: usize, a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) {
    let ([m, k], [inner, n]) = (a.shape, b.shape);
    assert_eq!(k, inner, "product of {:?} and {:?}", a.shape, b.shape);
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        k > 0 && a.reach() <= a.values.len() && b.reach() <= b.values.len(),
        "a factor reaches outside its storage"
    );
    assert!(out_stride >= n && (m - 1) * out_stride + n <= out.len(), "the product reaches outside its storage");
    #[expect(unsafe_code, reason = "`gemm` takes raw pointers")]
    // SAFETY: the assertions above keep every access of the three strided views inside its slice, rows of `out` do not
    // overlap, and `out` is borrowed mutably, so it is disjoint from both factors.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            accumulate,
            a.values.as_ptr(),
            a.strides[1] as isize,
            a.strides[0] as isize,
            b.values.as_ptr(),
            b.strides[1] as isize,
            b.strides[0] as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
