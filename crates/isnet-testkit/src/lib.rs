//! What tests of several crates share. A dev-dependency only.

pub mod fuzz;
pub mod seeded;
pub mod tiny;
