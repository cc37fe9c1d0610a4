//! ResNet-18, -34, -50, -101 and -152.
//!
//! Every block adds its input to what its convs make of it. Source: He et al., "Deep Residual Learning for Image Recognition",
//! 2015, in torchvision's form (`torchvision/models/resnet.py`; a bottleneck strides in its 3×3 conv).

use isnet_graph::{ConvSpec, Graph, GraphBuilder, MaxPoolGeometry, NodeId};

use crate::error::ModelError;
use crate::zoo::{Architecture, dropout_before_head};

/// Sizes of a ResNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResNet {
    /// Blocks of the four layers.
    pub blocks: [usize; 4],
    /// Whether a block is 1×1, 3×3, 1×1 with four times as many features out, instead of two 3×3.
    pub bottleneck: bool,
}

/// One block.
#[derive(Clone, Copy)]
struct Block {
    input: usize,
    width: usize,
    output: usize,
    stride: usize,
}

impl ResNet {
    /// Writes the graph down. Deep supervision: the outputs of `layer1` to `layer4`.
    ///
    /// # Errors
    /// [`ModelError::Graph`] if the graph is not valid.
    pub fn build(&self, architecture: &Architecture) -> Result<Graph, ModelError> {
        let mut build = GraphBuilder::new(architecture.input_channels);
        let image = build.input();
        let stem = ConvSpec::square(architecture.input_channels, 64, 7).strided(2).padded(3);
        let x = build.conv("conv1", image, stem);
        let x = build.batch_norm("bn1", x, 64);
        let x = build.relu("relu", x);
        let pool = MaxPoolGeometry { stride: [2; 2], padding: [1; 2], ..MaxPoolGeometry::square(3) };
        let mut x = build.max_pool("maxpool", x, pool);
        let mut channels = 64;
        for (index, blocks) in self.blocks.into_iter().enumerate() {
            let layer = format!("layer{}", index + 1);
            let width = 64 << index;
            let output = if self.bottleneck { 4 * width } else { width };
            for block in 0..blocks {
                let stride = if block == 0 && index > 0 { 2 } else { 1 };
                let sizes = Block { input: channels, width, output, stride };
                x = self.block(&mut build, &format!("{layer}.{block}"), x, sizes);
                channels = output;
            }
            x = build.identity(&layer, x);
            build.supervise(x);
        }
        let x = build.adaptive_average_pool("avgpool", x, [1, 1]);
        let x = build.flatten("flatten", x);
        let x = dropout_before_head(&mut build, x, architecture.dropout);
        let logits = build.dense("fc", x, channels, architecture.n_classes);
        Ok(build.finish(logits)?)
    }

    fn block(&self, build: &mut GraphBuilder, name: &str, input: NodeId, sizes: Block) -> NodeId {
        let Block { input: channels, width, output, stride } = sizes;
        let convs = if self.bottleneck {
            vec![
                ConvSpec::square(channels, width, 1),
                ConvSpec::square(width, width, 3).padded(1).strided(stride),
                ConvSpec::square(width, output, 1),
            ]
        } else {
            vec![
                ConvSpec::square(channels, width, 3).padded(1).strided(stride),
                ConvSpec::square(width, output, 3).padded(1),
            ]
        };
        let last = convs.len();
        let mut x = input;
        for (number, conv) in (1..).zip(convs) {
            x = build.conv(&format!("{name}.conv{number}"), x, conv);
            x = build.batch_norm(&format!("{name}.bn{number}"), x, conv.output);
            if number < last {
                x = build.relu(&format!("{name}.relu{number}"), x);
            }
        }
        let mut shortcut = input;
        if stride != 1 || channels != output {
            let conv = ConvSpec::square(channels, output, 1).strided(stride);
            shortcut = build.conv(&format!("{name}.downsample.0"), input, conv);
            shortcut = build.batch_norm(&format!("{name}.downsample.1"), shortcut, output);
        }
        let x = build.add(&format!("{name}.add"), &[x, shortcut]);
        build.relu(&format!("{name}.relu{last}"), x)
    }
}

#[cfg(test)]
mod tests {
    use crate::zoo::{Architecture, build};

    #[test]
    fn deep_supervision_reads_the_four_layers() {
        for name in ["resnet18", "resnet50"] {
            let graph = build(&Architecture::new(name, 2, 3)).unwrap();
            let names: Vec<_> = graph.supervised().iter().map(|id| graph.node(*id).name.as_str()).collect();
            assert_eq!(names, ["layer1", "layer2", "layer3", "layer4"]);
        }
    }

    #[test]
    fn only_blocks_that_change_shape_convolve_their_shortcut() {
        let shortcuts = |name| {
            let graph = build(&Architecture::new(name, 2, 3)).unwrap();
            let convs = graph.nodes().filter(|(_, node)| node.name.ends_with("downsample.0"));
            convs.map(|(_, node)| node.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(shortcuts("resnet34").len(), 3);
        assert_eq!(shortcuts("resnet101")[0], "layer1.0.downsample.0");
    }
}
