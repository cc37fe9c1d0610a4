//! The device to compute on, by name.

use burn::tensor::Device;

use crate::error::{Result, RunError};

/// Names of the devices that this build knows, the default first.
pub fn device_names() -> Vec<&'static str> {
    let mut names = vec!["cpu"];
    if cfg!(feature = "cuda") {
        names.push("cuda");
    }
    if cfg!(feature = "rocm") {
        names.push("rocm");
    }
    if cfg!(feature = "metal") {
        names.push("metal");
    }
    if cfg!(feature = "wgpu") {
        names.push("wgpu");
    }
    names
}

/// The device of this name; `cuda:1` is the second card.
///
/// # Errors
/// [`RunError::Device`] if this build does not have it, with what it has.
///
/// # Example
/// ```
/// use isnet_run::device::device;
/// assert!(device("cpu").is_ok());
/// assert!(device("abacus").unwrap_err().to_string().contains("`cpu`"));
/// ```
pub fn device(name: &str) -> Result<Device> {
    let unknown = || RunError::Device { device: name.to_owned(), known: device_names() };
    let (kind, index) = match name.split_once(':') {
        None => (name, 0_usize),
        Some((kind, index)) => (kind, index.parse().map_err(|_| unknown())?),
    };
    match (kind, index) {
        ("cpu", 0) => Ok(Device::flex()),
        #[cfg(feature = "cuda")]
        ("cuda", index) => Ok(Device::cuda(index)),
        #[cfg(feature = "rocm")]
        ("rocm", index) => Ok(Device::rocm(index)),
        #[cfg(feature = "metal")]
        ("metal", 0) => Ok(Device::metal(burn::tensor::DeviceKind::default())),
        #[cfg(feature = "wgpu")]
        ("wgpu", 0) => Ok(Device::wgpu(burn::tensor::DeviceKind::default())),
        _ => Err(unknown()),
    }
}
