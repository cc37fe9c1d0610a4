//! What tests of several crates share. A dev-dependency only.

pub mod fuzz;
#[cfg(feature = "graphs")]
pub mod seeded;
#[cfg(feature = "graphs")]
pub mod tiny;
