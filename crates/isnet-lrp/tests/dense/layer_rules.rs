//! The rules of linear parts in naive loops over *contributions* `c_kj = w_kj·a_j`, as the papers write them.

use isnet_lrp::{LayerRule, Rule};

use super::Matrix;

/// An affine map at one input.
pub struct Linear {
    weights: Matrix,
    input: Vec<f64>,
    output: Vec<f64>,
    bias: Vec<f64>,
}

impl Linear {
    pub fn new(weights: Matrix, input: &[f64], output: &[f64], include_bias: bool) -> Self {
        let product = |row: &Vec<f64>| row.iter().zip(input).map(|(w, a)| w * a).sum::<f64>();
        let bias = |(row, z): (&Vec<f64>, &f64)| if include_bias { z - product(row) } else { 0.0 };
        let bias = weights.iter().zip(output).map(bias).collect();
        Self { weights, input: input.to_vec(), output: output.to_vec(), bias }
    }

    /// With `own`, output k starts with `own_k·z_k`, `z` the denominator of the rule.
    pub fn share(&self, rule: Rule, relevance: &[f64], own: Option<&[f64]>) -> Vec<f64> {
        let Rule::Layer { rule, stabilizer } = rule else { panic!("{rule:?} is no rule of a linear part") };
        let mut found = vec![0.0; self.input.len()];
        for k in 0..self.weights.len() {
            // Lists of (what each input contributes, the bias's part, what the list counts).
            for (parts, bias, factor) in self.contributions(rule, k) {
                let z = parts.iter().sum::<f64>() + bias;
                let relevance = own.map_or(relevance[k], |seed| seed[k] * z);
                let s = relevance / (z + if z >= 0.0 { stabilizer } else { -stabilizer });
                found.iter_mut().zip(&parts).for_each(|(sum, part)| *sum += factor * part * s);
            }
        }
        found
    }

    fn contributions(&self, rule: LayerRule, k: usize) -> Vec<(Vec<f64>, f64, f64)> {
        let (row, bias) = (&self.weights[k], self.bias[k]);
        let each =
            |f: &dyn Fn(f64, f64) -> f64| row.iter().zip(&self.input).map(|(w, a)| f(*w, *a)).collect::<Vec<_>>();
        let (raise, lower) = (|c: f64| c.max(0.0), |c: f64| c.min(0.0));
        match rule {
            LayerRule::Epsilon => vec![(each(&|w, a| w * a), bias, 1.0)],
            LayerRule::ZPlus => vec![(each(&|w, a| raise(w * a)), raise(bias), 1.0)],
            LayerRule::AlphaBeta { alpha, beta } => {
                vec![(each(&|w, a| raise(w * a)), raise(bias), alpha), (each(&|w, a| lower(w * a)), lower(bias), -beta)]
            }
            LayerRule::Gamma { gamma } if self.output[k] > 0.0 => {
                vec![(each(&|w, a| w * a + gamma * raise(w * a)), bias + gamma * raise(bias), 1.0)]
            }
            LayerRule::Gamma { gamma } if self.output[k] < 0.0 => {
                // Below zero, a positive input gains by W⁻ and a negative one by W⁺: what lowers the output.
                vec![(each(&|w, a| w * a + gamma * lower(w * a)), bias + gamma * lower(bias), 1.0)]
            }
            LayerRule::Gamma { .. } => vec![],
            LayerRule::WSquare => vec![(each(&|w, _| w * w), bias * bias, 1.0)],
            LayerRule::Flat => vec![(each(&|w, _| f64::from(u8::from(w != 0.0))), 0.0, 1.0)],
            LayerRule::ZBox { low, high } => {
                vec![(each(&|w, a| w * a - low * raise(w) - high * lower(w)), 0.0, 1.0)]
            }
        }
    }
}
