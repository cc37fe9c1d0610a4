//! AG-Sononet: a VGG-like network that classifies from what its grid-attention gates leave of two stages.
//!
//! The last stage `g` gates the two before it: `c = ψ(ReLU(θ(x) + φ(g)))`, with `φ(g)` brought to the size of `x` bilinearly; each place opens by
//! `α = (c − min c) / Σ (c − min c)`. What the head sees is the sums of `α·x` of both, and the mean of `g`, side by side. Source: Schlemper et al., "Attention gated
//! networks: Learning to leverage salient regions in medical images", Medical Image Analysis 2019, §3; stages as in METHOD §5. Relevance takes the openings for
//! constants.

use isnet_graph::{ConvSpec, Graph, GraphBuilder, MaxPoolGeometry, NodeId, Sharing};

use crate::error::ModelError;
use crate::plain_cnn::{Stage, check};
use crate::zoo::{Architecture, dropout_before_head};

/// Convolutions 3, 3, 3, 2, 2; 64 to 512 features.
pub const DEFAULT_STAGES: [Stage; 5] = [stage(64, 3), stage(128, 3), stage(256, 3), stage(512, 2), stage(512, 2)];

const fn stage(channels: usize, convs: usize) -> Stage {
    Stage { channels, convs, kernel: 3, pool: 2 }
}

/// Writes the graph down; the pool of the last stage does nothing. Deep supervision: the two gated stages.
///
/// # Errors
/// [`ModelError::Stage`] if a size of a stage is out of its range.
pub fn build(architecture: &Architecture) -> Result<Graph, ModelError> {
    let stages = &architecture.stages;
    check(architecture)?;
    let mut build = GraphBuilder::new(architecture.input_channels);
    let (mut x, mut channels, mut features) = (build.input(), architecture.input_channels, Vec::new());
    for (number, stage) in (1..).zip(stages) {
        for conv in 1..=stage.convs {
            let name = format!("conv{number}.{conv}");
            let spec = ConvSpec::square(channels, stage.channels, stage.kernel).padded(stage.kernel / 2);
            let spec = if architecture.batch_norm { spec } else { spec.biased() };
            x = build.conv(&name, x, spec);
            if architecture.batch_norm {
                x = build.batch_norm(&format!("norm{number}.{conv}"), x, stage.channels);
            }
            x = build.relu(&format!("relu{number}.{conv}"), x);
            channels = stage.channels;
        }
        features.push(x);
        if number < stages.len() {
            x = build.max_pool(&format!("pool{number}"), x, MaxPoolGeometry::square(stage.pool));
        }
    }
    let mut parts = Vec::new();
    for gated in stages.len() - 3..stages.len() - 1 {
        let sizes = [stages[gated].channels, channels];
        build.supervise(features[gated]);
        parts.push(gate(&mut build, &format!("attention{}", gated + 1), (features[gated], x), sizes));
    }
    parts.push(build.adaptive_average_pool("avgpool", x, [1, 1]));
    let joined = build.concat("joined", &parts);
    let flat = build.flatten("flatten", joined);
    let flat = dropout_before_head(&mut build, flat, architecture.dropout);
    let inputs: usize = stages[stages.len() - 3..].iter().map(|stage| stage.channels).sum();
    let logits = build.dense("fc", flat, inputs, architecture.n_classes);
    Ok(build.finish(logits)?)
}

/// `Σ α·x` over the places of `x`: the mean of `x` times openings whose mean is 1.
fn gate(
    build: &mut GraphBuilder,
    name: &str,
    (x, signal): (NodeId, NodeId),
    [channels, of_signal]: [usize; 2],
) -> NodeId {
    let theta = build.conv(&format!("{name}.theta"), x, ConvSpec::square(channels, of_signal, 1));
    let phi = build.conv(&format!("{name}.phi"), signal, ConvSpec::square(of_signal, of_signal, 1).biased());
    let phi = build.interpolate(&format!("{name}.up"), phi, x);
    let sum = build.add(&format!("{name}.sum"), &[theta, phi]);
    let sum = build.relu(&format!("{name}.relu"), sum);
    let psi = build.conv(&format!("{name}.psi"), sum, ConvSpec::square(of_signal, 1, 1).biased());
    let opening = build.spatial_share(&format!("{name}.opening"), psi, Sharing::AboveMinimum);
    let gated = build.gate(&format!("{name}.gate"), x, opening);
    build.adaptive_average_pool(&format!("{name}.pool"), gated, [1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

    #[test]
    fn the_head_reads_the_three_last_stages_and_the_gated_ones_are_supervised() {
        let graph = zoo::build(&Architecture::new("ag_sononet", 3, 1)).unwrap();
        let shape = |name: &str| &graph.params().find(|(_, spec)| spec.name == name).unwrap().1.shape;
        assert_eq!(shape("fc.weight"), &[3, 256 + 512 + 512]);
        assert_eq!(shape("attention3.theta.weight"), &[512, 256, 1, 1]);
        let names: Vec<_> = graph.supervised().iter().map(|id| graph.node(*id).name.as_str()).collect();
        assert_eq!(names, ["relu3.3", "relu4.2"]);
    }

    #[test]
    fn two_stages_have_nothing_to_gate() {
        let stages = DEFAULT_STAGES[..2].to_vec();
        let architecture = Architecture { stages, ..Architecture::new("ag_sononet", 2, 1) };
        let error = zoo::build(&architecture).unwrap_err().to_string();
        assert_eq!(error, "architecture `ag_sononet`: `stages` is 2, but must be at least 3");
    }
}
