//! A plain CNN from a list of stages.
//!
//! Names are those of a flat `nn.Sequential`: a node is named by its index, every module counts (conv, batch norm, ReLU, pool,
//! global pool, flatten, dense). [`reference`] is the `plain_cnn` of the reference cases: parameters `0.weight`,
//! `3.weight`, `6.weight`, `10.weight`.

use isnet_graph::{ConvSpec, Graph, GraphBuilder, MaxPoolGeometry};

use crate::error::ModelError;
use crate::zoo::{Architecture, dropout_before_head};

/// A few equal convs, each followed by a ReLU, and perhaps a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Features of each conv, ≥ 1.
    pub channels: usize,
    /// Number of convs, ≥ 1.
    pub convs: usize,
    /// Side of the kernel, odd; it is padded so that the image keeps its size.
    pub kernel: usize,
    /// Side and stride of the max pool that ends the stage, ≥ 1; 1 = no pool.
    pub pool: usize,
}

/// conv3×3(16) · max pool · conv3×3(32) · max pool · conv3×3(64) · max pool.
pub const DEFAULT_STAGES: [Stage; 3] = [
    Stage { channels: 16, convs: 1, kernel: 3, pool: 2 },
    Stage { channels: 32, convs: 1, kernel: 3, pool: 2 },
    Stage { channels: 64, convs: 1, kernel: 3, pool: 2 },
];

/// The smaller network of the reference cases: conv3×3(8) · max pool · conv3×3(16) · max pool · conv3×3(24), without batch norm.
pub fn reference(n_classes: usize, input_channels: usize) -> Architecture {
    let stage = |channels, pool| Stage { channels, convs: 1, kernel: 3, pool };
    let stages = vec![stage(8, 2), stage(16, 2), stage(24, 1)];
    Architecture { stages, batch_norm: false, ..Architecture::new("plain_cnn", n_classes, input_channels) }
}

/// Writes the graph down. Deep supervision: the last ReLU of every stage.
///
/// # Errors
/// [`ModelError::Stage`] if a size of a stage is out of its range.
pub fn build(architecture: &Architecture) -> Result<Graph, ModelError> {
    check(architecture)?;
    let mut build = GraphBuilder::new(architecture.input_channels);
    let mut x = build.input();
    let mut channels = architecture.input_channels;
    let mut modules = 0_usize..;
    let mut name = || modules.next().unwrap_or(0).to_string();
    for stage in &architecture.stages {
        for _ in 0..stage.convs {
            let conv = ConvSpec::square(channels, stage.channels, stage.kernel).padded(stage.kernel / 2);
            let conv = if architecture.batch_norm { conv } else { conv.biased() };
            x = build.conv(&name(), x, conv);
            if architecture.batch_norm {
                x = build.batch_norm(&name(), x, stage.channels);
            }
            x = build.relu(&name(), x);
            channels = stage.channels;
        }
        build.supervise(x);
        if stage.pool > 1 {
            x = build.max_pool(&name(), x, MaxPoolGeometry::square(stage.pool));
        }
    }
    let x = build.adaptive_average_pool(&name(), x, [1, 1]);
    let x = build.flatten(&name(), x);
    let x = dropout_before_head(&mut build, x, architecture.dropout);
    let logits = build.dense(&name(), x, channels, architecture.n_classes);
    Ok(build.finish(logits)?)
}

/// Whether every size of a stage is in its range.
pub(crate) fn check(architecture: &Architecture) -> Result<(), ModelError> {
    for (number, stage) in (1..).zip(&architecture.stages) {
        let name = || architecture.name.clone();
        let refuse = |field, requirement, got| {
            Err(ModelError::Stage { architecture: name(), stage: number, field, requirement, got })
        };
        match *stage {
            Stage { channels: 0, .. } => return refuse("channels", "at least 1", 0),
            Stage { convs: 0, .. } => return refuse("convs", "at least 1", 0),
            Stage { pool: 0, .. } => return refuse("pool", "at least 1 (1 = none)", 0),
            Stage { kernel, .. } if kernel % 2 == 0 => return refuse("kernel", "odd", kernel),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

    fn weights(architecture: &Architecture) -> Vec<String> {
        let graph = zoo::build(architecture).unwrap();
        graph.params().map(|(_, spec)| spec.name.clone()).filter(|name| name.ends_with("weight")).collect()
    }

    #[test]
    fn nodes_are_numbered_like_a_flat_sequential() {
        let plain = reference(3, 3);
        assert_eq!(weights(&plain), ["0.weight", "3.weight", "6.weight", "10.weight"]);
        let normed = Architecture { batch_norm: true, ..plain.clone() };
        let expected = ["0.weight", "1.weight", "4.weight", "5.weight", "8.weight", "9.weight", "13.weight"];
        assert_eq!(weights(&normed), expected);
        assert!(zoo::build(&normed).unwrap().params().all(|(_, spec)| spec.name != "0.bias"));
        let dropped = Architecture { dropout: 0.2, ..plain };
        assert_eq!(weights(&dropped)[3], "10.weight", "a dropout does not move the names of the weights");
    }

    #[test]
    fn an_impossible_stage_is_named() {
        let stages = vec![DEFAULT_STAGES[0], Stage { kernel: 4, ..DEFAULT_STAGES[1] }];
        let error = zoo::build(&Architecture { stages, ..Architecture::new("plain_cnn", 2, 3) }).unwrap_err();
        assert_eq!(error.to_string(), "architecture `plain_cnn`, stage 2: `kernel` is 4, but must be odd");
    }
}
