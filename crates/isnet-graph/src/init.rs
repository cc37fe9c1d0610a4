//! Where a parameter starts.

use rand::Rng;

use crate::params::ParamRole;

/// The distribution that the first value of a parameter is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// This value.
    Constant(f32),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// The same, drawn again while outside ±2: torch's `trunc_normal_`.
    TruncatedNormal(f64),
    /// Uniform between minus and plus this value.
    Uniform(f32),
}

impl Init {
    /// What torchvision's convolutional networks start from: Kaiming normal (fan out) for convolutions, uniform `±1/√fan_in` for dense layers,
    /// 1 for scales and variances, 0 for all else.
    pub fn of(role: ParamRole, shape: &[usize]) -> Self {
        match role {
            ParamRole::ConvWeight => {
                let fan_out = shape[0] * shape[2..].iter().product::<usize>();
                Self::Normal((2.0 / fan_out as f64).sqrt())
            }
            ParamRole::DenseWeight => Self::Uniform(1.0 / (fan_in(shape) as f32).sqrt()),
            ParamRole::NormWeight | ParamRole::RunningVar => Self::Constant(1.0),
            ParamRole::Bias | ParamRole::NormBias | ParamRole::RunningMean | ParamRole::Embedding => {
                Self::Constant(0.0)
            }
        }
    }

    /// Xavier uniform for a matrix `[C_out, C_in]`: `±√(6/(C_in + C_out))`.
    pub fn xavier([outputs, inputs]: [usize; 2]) -> Self {
        Self::Uniform((6.0 / (inputs + outputs) as f32).sqrt())
    }

    /// Draws `len` values.
    pub fn draw(self, len: usize, rng: &mut impl Rng) -> Vec<f32> {
        match self {
            Self::Constant(value) => vec![value; len],
            Self::Normal(deviation) => (0..len).map(|_| (standard_normal(rng) * deviation) as f32).collect(),
            Self::TruncatedNormal(deviation) => (0..len)
                .map(|_| {
                    loop {
                        let value = standard_normal(rng) * deviation;
                        if value.abs() <= 2.0 {
                            break value as f32;
                        }
                    }
                })
                .collect(),
            Self::Uniform(bound) => (0..len).map(|_| rng.random_range(-bound..=bound)).collect(),
        }
    }
}

/// Number of inputs that one output sums over.
pub(crate) fn fan_in(shape: &[usize]) -> usize {
    shape[1..].iter().product::<usize>().max(1)
}

/// A standard normal number by Box and Muller.
fn standard_normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - rng.random::<f64>())).sqrt();
    radius * libm::cos(std::f64::consts::TAU * rng.random::<f64>())
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn draws_have_the_deviation_and_the_bounds_they_say() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut deviation_and_largest = |init: Init| {
            let values = init.draw(10_000, &mut rng);
            let squares: f32 = values.iter().map(|value| value * value).sum();
            ((squares / 10_000.0).sqrt(), values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs())))
        };
        let (normal, _) = deviation_and_largest(Init::Normal(0.02));
        let (cut, bound) = deviation_and_largest(Init::TruncatedNormal(2.0));
        let (uniform, edge) = deviation_and_largest(Init::xavier([3, 3]));
        // A normal variable cut at one deviation keeps 0.54 of it; a uniform one has 1/√3 of its bound.
        assert!((normal - 0.02).abs() < 1e-3 && (cut - 1.08).abs() < 0.05 && bound <= 2.0, "{normal} {cut} {bound}");
        assert!((uniform - 0.577).abs() < 0.02 && edge <= 1.0, "{uniform} {edge}");
    }
}
