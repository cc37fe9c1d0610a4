//! Buffers that are kept between tiles and operations: a fresh page costs as much as the arithmetic on it.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// Idle buffers, shortest first.
static IDLE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());
/// Idle buffers kept; the shortest go first.
const KEPT: usize = 32;

/// A lent buffer with arbitrary content.
#[derive(Debug)]
pub(super) struct Scratch {
    buffer: Vec<f32>,
    length: usize,
}

impl Scratch {
    /// A buffer of `length` values.
    pub fn take(length: usize) -> Self {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = idle.partition_point(|buffer| buffer.len() < length);
        let buffer = (fitting < idle.len()).then(|| idle.remove(fitting));
        drop(idle);
        let mut buffer = buffer.unwrap_or_else(|| vec![0.0; length]);
        if cfg!(debug_assertions) {
            buffer.fill(f32::NAN);
        }
        Self { buffer, length }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.length]
    }
}

/// Values where they are, or in a better order.
#[derive(Debug)]
pub(super) enum Values<'a> {
    InPlace(&'a [f32]),
    Copied(Scratch),
}

impl Deref for Values<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::InPlace(values) => values,
            Self::Copied(values) => values,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let place = idle.partition_point(|other| other.len() < buffer.len());
        idle.insert(place, buffer);
        if idle.len() > KEPT {
            idle.remove(0);
        }
    }
}
