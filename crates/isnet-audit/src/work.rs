//! Work that is prepared on all cores while earlier work is used.

use std::sync::mpsc::sync_channel;

use isnet_data::Image;
use rayon::prelude::*;

use crate::error::Result;

/// Pictures made from one sample; `None` where one cannot be made.
pub(crate) type Made = Vec<Option<Image>>;

/// Samples that are prepared together.
const CHUNK: usize = 16;

/// Makes `n` things in chunks and hands each chunk on, in order, while the next is made. Ends at the first error.
pub(crate) fn each<T: Send>(
    n: usize,
    make: &(dyn Fn(usize) -> Result<T> + Sync),
    take: &mut dyn FnMut(Vec<T>) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for start in (0..n).step_by(CHUNK) {
                let end = n.min(start + CHUNK);
                // Collected before one is chosen, so that the first bad sample is named and not the fastest.
                let made: Vec<Result<T>> = (start..end).into_par_iter().map(make).collect();
                let made: Result<Vec<T>> = made.into_iter().collect();
                let failed = made.is_err();
                // A failed send means that nobody listens any more.
                if sender.send(made).is_err() || failed {
                    return;
                }
            }
        });
        for made in receiver {
            take(made?)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AuditError;

    #[test]
    fn everything_arrives_in_order() {
        let mut seen = Vec::new();
        let take = &mut |chunk: Vec<usize>| {
            seen.extend(chunk);
            Ok(())
        };
        each(40, &|index| Ok(2 * index), take).unwrap();
        assert_eq!(seen, (0..40).map(|index| 2 * index).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_ends_it_on_either_side() {
        let bad = |index: usize| if index >= 20 { Err(AuditError::Device(index.to_string())) } else { Ok(index) };
        let mut seen = 0;
        let error = each(100, &bad, &mut |chunk| {
            seen += chunk.len();
            Ok(())
        });
        assert_eq!((error.unwrap_err().to_string(), seen), ("cannot read from the device: 20".to_owned(), 16));
        assert!(each(100, &Ok, &mut |_| Err(AuditError::Empty)).is_err());
    }
}
