//! Convolutions of all shapes, strides, paddings, dilations and groups against plain loops: see `tests/convolution_case`.

#![no_main]

#[path = "../../tests/convolution_case/mod.rs"]
mod convolution_case;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    convolution_case::check(bytes);
});
