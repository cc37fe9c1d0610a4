//! Any bytes as an image and as a mask: a picture or an error, no panic. `tests/fuzz_images.rs` does the same on a stable compiler.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("isnet-fuzz-{}.bin", std::process::id()));
    let path: &Path = &path;
    if std::fs::write(path, bytes).is_ok() {
        let _ = isnet_data::read_image(path);
        let _ = isnet_data::read_mask(path);
    }
});
