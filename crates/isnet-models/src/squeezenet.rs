//! SqueezeNet 1.0 and 1.1.
//!
//! Fire modules squeeze the features with a 1×1 conv and expand them with a 1×1 and a 3×3 conv side by side. Source: Iandola
//! et al., "SqueezeNet", 2016, in torchvision's form (`torchvision/models/squeezenet.py`): max pools in ceil mode, the head is
//! a 1×1 conv, a ReLU and a global average pool, so no logit is negative.

use isnet_graph::{ConvSpec, Graph, GraphBuilder, MaxPoolGeometry, NodeId};

use crate::error::ModelError;
use crate::zoo::Architecture;

/// Squeezed and expanded features (per branch) of the eight fire modules, in both versions.
const FIRES: [(usize, usize); 8] =
    [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)];

/// Version of SqueezeNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqueezeNet {
    /// A 7×7 conv with 96 features; pools before the fires 1, 4 and 8.
    V1_0,
    /// A 3×3 conv with 64 features; pools before the fires 1, 3 and 5.
    V1_1,
}

impl SqueezeNet {
    /// Writes the graph down. Deep supervision: what each max pool takes, and the last features.
    ///
    /// # Errors
    /// [`ModelError::Graph`] if the graph is not valid.
    pub fn build(self, architecture: &Architecture) -> Result<Graph, ModelError> {
        let (kernel, stem, pooled_fires) = match self {
            Self::V1_0 => (7, 96, [0, 3, 7]),
            Self::V1_1 => (3, 64, [0, 2, 4]),
        };
        let mut build = GraphBuilder::new(architecture.input_channels);
        let image = build.input();
        let conv = ConvSpec::square(architecture.input_channels, stem, kernel).strided(2).biased();
        let x = build.conv("features.0", image, conv);
        let mut x = build.relu("features.1", x);
        let mut channels = stem;
        let mut module = 2;
        for (fire, (squeezed, expanded)) in FIRES.into_iter().enumerate() {
            if pooled_fires.contains(&fire) {
                build.supervise(x);
                let pool = MaxPoolGeometry { stride: [2; 2], ceil_mode: true, ..MaxPoolGeometry::square(3) };
                x = build.max_pool(&format!("features.{module}"), x, pool);
                module += 1;
            }
            x = fire_module(&mut build, &format!("features.{module}"), x, [channels, squeezed, expanded]);
            channels = 2 * expanded;
            module += 1;
        }
        build.supervise(x);
        let x = build.dropout("classifier.0", x, architecture.dropout);
        let x = build.conv("classifier.1", x, ConvSpec::square(channels, architecture.n_classes, 1).biased());
        let x = build.relu("classifier.2", x);
        let x = build.adaptive_average_pool("classifier.3", x, [1, 1]);
        let logits = build.flatten("flatten", x);
        Ok(build.finish(logits)?)
    }
}

/// `channels` features in, two times `expanded` out.
fn fire_module(build: &mut GraphBuilder, name: &str, input: NodeId, sizes: [usize; 3]) -> NodeId {
    let [channels, squeezed, expanded] = sizes;
    let mut conv_relu = |input, part: &str, spec: ConvSpec| {
        let x = build.conv(&format!("{name}.{part}"), input, spec.biased());
        build.relu(&format!("{name}.{part}_activation"), x)
    };
    let x = conv_relu(input, "squeeze", ConvSpec::square(channels, squeezed, 1));
    let point = conv_relu(x, "expand1x1", ConvSpec::square(squeezed, expanded, 1));
    let wide = conv_relu(x, "expand3x3", ConvSpec::square(squeezed, expanded, 3).padded(1));
    build.concat(&format!("{name}.concat"), &[point, wide])
}

#[cfg(test)]
mod tests {
    use crate::zoo::{Architecture, build};

    #[test]
    fn deep_supervision_reads_what_each_pool_takes_and_the_last_features() {
        let graph = build(&Architecture::new("squeezenet1_1", 2, 3)).unwrap();
        let names: Vec<_> = graph.supervised().iter().map(|id| graph.node(*id).name.as_str()).collect();
        assert_eq!(names, ["features.1", "features.4.concat", "features.7.concat", "features.12.concat"]);
    }
}
