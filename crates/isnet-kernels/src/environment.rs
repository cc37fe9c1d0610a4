//! What the environment asks of the kernels: `ISNET_SIMD` and `ISNET_KERNELS`.

use std::ffi::OsStr;

use thiserror::Error;

use crate::cpu::InstructionSet;

/// Which operations run on the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// The hand-written ones.
    Fast,
    /// The same composed of Burn's operations.
    Plain,
}

/// A variable of the environment with a value that cannot be followed.
#[non_exhaustive]
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EnvironmentError {
    /// `ISNET_SIMD` names no instruction set.
    #[error("`ISNET_SIMD={value}` is no instruction set: choose {}, or unset it to use the best one", listed(.known))]
    UnknownSet {
        /// What it says.
        value: String,
        /// What it could say.
        known: Vec<&'static str>,
    },
    /// `ISNET_SIMD` names an instruction set of another processor.
    #[error("`ISNET_SIMD={value}`: this processor has no such instructions; choose {}, or unset it to use the best one", listed(.available))]
    MissingSet {
        /// What it says.
        value: String,
        /// What this processor has.
        available: Vec<&'static str>,
    },
    /// `ISNET_KERNELS` names nothing that there is.
    #[error(
        "`ISNET_KERNELS={value}` is no choice: `fast` runs the hand-written operations (the default), `plain` those of the tensor library"
    )]
    UnknownKernels {
        /// What it says.
        value: String,
    },
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Whether the environment can be followed: to be asked once, before any work.
///
/// # Errors
/// [`EnvironmentError`] if `ISNET_SIMD` or `ISNET_KERNELS` has a value that does not exist, or `ISNET_SIMD` one that this processor lacks.
///
/// # Example
/// ```
/// assert_eq!(isnet_kernels::check_environment(), Ok(())); // neither is set
/// ```
pub fn check_environment() -> Result<(), EnvironmentError> {
    set_of(std::env::var_os("ISNET_SIMD").as_deref())?;
    kernels_of(std::env::var_os("ISNET_KERNELS").as_deref()).map(|_| ())
}

/// The instruction set that a value of `ISNET_SIMD` means; none and an empty one mean the best.
pub(crate) fn set_of(value: Option<&OsStr>) -> Result<InstructionSet, EnvironmentError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(InstructionSet::available().next().unwrap_or(InstructionSet::Portable));
    };
    let value = value.to_string_lossy().into_owned();
    let Some(set) = InstructionSet::ALL.into_iter().find(|set| set.word() == value) else {
        return Err(EnvironmentError::UnknownSet {
            value,
            known: InstructionSet::ALL.map(InstructionSet::word).to_vec(),
        });
    };
    if set.is_available() {
        return Ok(set);
    }
    let available = InstructionSet::available().map(InstructionSet::word).collect();
    Err(EnvironmentError::MissingSet { value, available })
}

/// The operations that a value of `ISNET_KERNELS` means; none and an empty one mean the hand-written.
pub(crate) fn kernels_of(value: Option<&OsStr>) -> Result<Kernels, EnvironmentError> {
    match value.map(OsStr::to_string_lossy).as_deref() {
        None | Some("" | "fast") => Ok(Kernels::Fast),
        Some("plain") => Ok(Kernels::Plain),
        Some(other) => Err(EnvironmentError::UnknownKernels { value: other.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T: std::fmt::Debug>(found: Result<T, EnvironmentError>) -> String {
        found.expect_err("cannot be followed").to_string()
    }

    #[test]
    fn a_typo_in_the_environment_is_an_error_that_names_the_choices() {
        let set = said(set_of(Some("AVX2".as_ref())));
        assert!(set.contains("`ISNET_SIMD=AVX2`") && set.contains("`avx2`") && set.contains("`portable`"), "{set}");
        let kernels = said(kernels_of(Some("plane".as_ref())));
        assert!(kernels.contains("`ISNET_KERNELS=plane`") && kernels.contains("`plain`"), "{kernels}");
    }

    #[test]
    fn an_instruction_set_of_another_processor_is_an_error_that_names_those_of_this_one() {
        let missing = InstructionSet::ALL.into_iter().find(|set| !set.is_available());
        let missing = missing.expect("no processor has the instructions of all others");
        let said = said(set_of(Some(missing.word().as_ref())));
        assert!(said.contains("this processor has no such instructions") && said.contains("`portable`"), "{said}");
    }

    #[test]
    fn nothing_and_an_empty_value_mean_the_best_there_is() {
        for value in [None, Some(OsStr::new(""))] {
            assert_eq!(set_of(value).ok(), InstructionSet::available().next());
            assert_eq!(kernels_of(value), Ok(Kernels::Fast));
        }
        assert_eq!(set_of(Some("portable".as_ref())), Ok(InstructionSet::Portable));
        assert_eq!(kernels_of(Some("plain".as_ref())), Ok(Kernels::Plain));
    }
}
