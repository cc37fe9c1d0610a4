//! One weight, used by several predictions at once.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use burn::tensor::{Device, Tensor};
use isnet_kernels::{ConvGeometry, ConvWeight};

/// Longer than this takes only what never ends.
const PATIENCE: Duration = Duration::from_secs(60);
const ROUNDS: usize = 40;
const USERS: usize = 8;

#[test]
fn two_users_of_one_weight_do_not_wait_for_each_other() {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            for _ in 0..ROUNDS {
                // A fresh weight, whose packed forms all users ask for at the same time.
                let weight = ConvWeight::new(Tensor::ones([256, 64, 3, 3], &Device::flex()));
                let image = Tensor::<4>::ones([1, 3, 3, 64], &Device::flex());
                pool.scope(|scope| {
                    for _ in 0..USERS {
                        let (weight, image) = (weight.clone(), image.clone());
                        scope.spawn(move |_| drop(weight.conv2d(image, None, &ConvGeometry::default())));
                    }
                });
            }
        }
        done.send(()).expect("somebody waits");
    });
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(()), "users of one weight wait for each other");
}
