//! One file per command.

pub mod audit;
pub mod calibrate;
pub mod compare;
pub mod data_bias;
pub mod data_check;
pub mod data_import;
pub mod data_phantom;
pub mod data_readability;
pub mod data_shapes;
pub mod data_weaken;
pub mod demo;
pub mod evaluate;
pub mod explain;
pub mod models;
pub mod predict;
pub mod sample_size;
pub mod segment;
pub mod study;
pub mod train;
