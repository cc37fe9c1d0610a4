//! DenseNet-121, -161, -169 and -201.
//!
//! Every layer of a dense block reads all earlier features of the block and appends `growth` new ones. Source: Huang et al.,
//! "Densely Connected Convolutional Networks", 2017, in torchvision's form (`torchvision/models/densenet.py`). The ISNet
//! papers put one more ReLU between the conv and the average pool of each transition: [`Architecture::transition_relu`].

use isnet_graph::{AveragePoolWindow, ConvSpec, Graph, GraphBuilder, MaxPoolGeometry, NodeId};

use crate::error::ModelError;
use crate::zoo::Architecture;

/// Bottleneck: the 1×1 conv of a layer makes four times as many features as the 3×3 conv keeps.
const BOTTLENECK: usize = 4;

/// Sizes of a DenseNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseNet {
    /// Features that each layer appends.
    pub growth: usize,
    /// Layers of the four blocks.
    pub layers: [usize; 4],
    /// Features after the first conv.
    pub stem: usize,
}

impl DenseNet {
    /// Writes the graph down. Deep supervision: the first ReLU of each transition, and the last ReLU of all.
    ///
    /// # Errors
    /// [`ModelError::Graph`] if the graph is not valid.
    pub fn build(&self, architecture: &Architecture) -> Result<Graph, ModelError> {
        let mut build = GraphBuilder::new(architecture.input_channels);
        let image = build.input();
        let stem = ConvSpec::square(architecture.input_channels, self.stem, 7).strided(2).padded(3);
        let x = build.conv("features.conv0", image, stem);
        let x = build.batch_norm("features.norm0", x, self.stem);
        let x = build.relu("features.relu0", x);
        let pool = MaxPoolGeometry { stride: [2; 2], padding: [1; 2], ..MaxPoolGeometry::square(3) };
        let mut x = build.max_pool("features.pool0", x, pool);
        let mut channels = self.stem;
        for (index, layers) in self.layers.into_iter().enumerate() {
            for layer in 1..=layers {
                let name = format!("features.denseblock{}.denselayer{layer}", index + 1);
                x = self.layer(&mut build, &name, x, channels, architecture.dropout);
                channels += self.growth;
            }
            if index + 1 < self.layers.len() {
                let name = format!("features.transition{}", index + 1);
                x = transition(&mut build, &name, x, channels, architecture.transition_relu);
                channels /= 2;
            }
        }
        let x = build.batch_norm("features.norm5", x, channels);
        // Torchvision calls a function here; the name is that of the papers' code.
        let x = build.relu("features.fReLU", x);
        build.supervise(x);
        let x = build.adaptive_average_pool("avgpool", x, [1, 1]);
        let x = build.flatten("flatten", x);
        let logits = build.dense("classifier", x, channels, architecture.n_classes);
        Ok(build.finish(logits)?)
    }

    /// `channels` features in, `growth` more out.
    fn layer(&self, build: &mut GraphBuilder, name: &str, input: NodeId, channels: usize, dropout: f64) -> NodeId {
        let inner = BOTTLENECK * self.growth;
        let x = build.batch_norm(&format!("{name}.norm1"), input, channels);
        let x = build.relu(&format!("{name}.relu1"), x);
        let x = build.conv(&format!("{name}.conv1"), x, ConvSpec::square(channels, inner, 1));
        let x = build.batch_norm(&format!("{name}.norm2"), x, inner);
        let x = build.relu(&format!("{name}.relu2"), x);
        let mut x = build.conv(&format!("{name}.conv2"), x, ConvSpec::square(inner, self.growth, 3).padded(1));
        if dropout > 0.0 {
            x = build.dropout(&format!("{name}.dropout"), x, dropout);
        }
        build.concat(&format!("{name}.concat"), &[input, x])
    }
}

/// Halves features and image side.
fn transition(build: &mut GraphBuilder, name: &str, input: NodeId, channels: usize, second_relu: bool) -> NodeId {
    let x = build.batch_norm(&format!("{name}.norm"), input, channels);
    let x = build.relu(&format!("{name}.relu"), x);
    build.supervise(x);
    let mut x = build.conv(&format!("{name}.conv"), x, ConvSpec::square(channels, channels / 2, 1));
    if second_relu {
        x = build.relu(&format!("{name}.relu2"), x);
    }
    build.average_pool(&format!("{name}.pool"), x, AveragePoolWindow::square(2))
}

#[cfg(test)]
mod tests {
    use crate::zoo::{Architecture, build};

    #[test]
    fn the_papers_form_adds_a_relu_before_each_transition_pool_and_no_parameter() {
        let torchvision = Architecture::new("densenet121", 2, 3);
        let papers = Architecture { transition_relu: true, ..torchvision.clone() };
        let (torchvision, papers) = (build(&torchvision).unwrap(), build(&papers).unwrap());
        assert_eq!(papers.nodes().count(), torchvision.nodes().count() + 3);
        assert_eq!(papers.params().count(), torchvision.params().count());
        for block in 1..=3 {
            let pool = papers.find(&format!("features.transition{block}.pool")).unwrap();
            let before = papers.node(papers.node(pool).inputs[0]);
            assert_eq!(before.name, format!("features.transition{block}.relu2"));
        }
    }

    #[test]
    fn deep_supervision_reads_the_transitions_and_the_last_features() {
        let graph = build(&Architecture::new("densenet121", 2, 3)).unwrap();
        let names: Vec<_> = graph.supervised().iter().map(|id| graph.node(*id).name.as_str()).collect();
        let transition = |block: usize| format!("features.transition{block}.relu");
        assert_eq!(names, [&transition(1), &transition(2), &transition(3), "features.fReLU"]);
    }
}
