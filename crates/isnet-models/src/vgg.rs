//! VGG-11, -13, -16 and -19, with and without batch norm.
//!
//! Source: Simonyan and Zisserman, "Very Deep Convolutional Networks", 2014, in torchvision's form
//! (`torchvision/models/vgg.py`): an adaptive 7×7 average pool before the classifier, convs with bias also before a batch norm.

use isnet_graph::{ConvSpec, Graph, GraphBuilder, MaxPoolGeometry};

use crate::error::ModelError;
use crate::zoo::Architecture;

/// Features of the five stages.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];
/// Features of the two hidden dense layers.
const HIDDEN: usize = 4096;
/// Side of the pooled features.
const POOLED: usize = 7;

/// Sizes of a VGG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vgg {
    /// Convs of the five stages; a max pool follows each stage.
    pub convs: [usize; 5],
    /// Whether a batch norm follows each conv.
    pub batch_norm: bool,
}

impl Vgg {
    /// Writes the graph down. Deep supervision: the last ReLU of every stage.
    ///
    /// # Errors
    /// [`ModelError::Graph`] if the graph is not valid.
    pub fn build(&self, architecture: &Architecture) -> Result<Graph, ModelError> {
        let mut build = GraphBuilder::new(architecture.input_channels);
        let mut x = build.input();
        let mut channels = architecture.input_channels;
        let mut modules = 0..;
        let mut name = || format!("features.{}", modules.next().unwrap_or(0));
        for (convs, output) in self.convs.into_iter().zip(CHANNELS) {
            for _ in 0..convs {
                x = build.conv(&name(), x, ConvSpec::square(channels, output, 3).padded(1).biased());
                if self.batch_norm {
                    x = build.batch_norm(&name(), x, output);
                }
                x = build.relu(&name(), x);
                channels = output;
            }
            build.supervise(x);
            x = build.max_pool(&name(), x, MaxPoolGeometry::square(2));
        }
        let x = build.adaptive_average_pool("avgpool", x, [POOLED; 2]);
        let x = build.flatten("flatten", x);
        let x = build.dense("classifier.0", x, channels * POOLED * POOLED, HIDDEN);
        let x = build.relu("classifier.1", x);
        let x = build.dropout("classifier.2", x, architecture.dropout);
        let x = build.dense("classifier.3", x, HIDDEN, HIDDEN);
        let x = build.relu("classifier.4", x);
        let x = build.dropout("classifier.5", x, architecture.dropout);
        let logits = build.dense("classifier.6", x, HIDDEN, architecture.n_classes);
        Ok(build.finish(logits)?)
    }
}

#[cfg(test)]
mod tests {
    use crate::zoo::{Architecture, build};

    #[test]
    fn deep_supervision_reads_what_each_pool_takes() {
        let graph = build(&Architecture::new("vgg16", 2, 3)).unwrap();
        let names: Vec<_> = graph.supervised().iter().map(|id| graph.node(*id).name.as_str()).collect();
        assert_eq!(names, ["features.3", "features.8", "features.15", "features.22", "features.29"]);
    }
}
