//! Architectures by name.

use isnet_graph::{Graph, GraphBuilder, NodeId};

use crate::densenet::DenseNet;
use crate::error::ModelError;
use crate::plain_cnn::{self, Stage};
use crate::resnet::ResNet;
use crate::squeezenet::SqueezeNet;
use crate::vgg::Vgg;
use crate::vision_transformer::VisionTransformer;
use crate::{ag_sononet, hierarchical_attention, pipeline, unet};

/// What to build.
///
/// # Example
/// ```
/// use isnet_models::{Architecture, build};
/// let gray = Architecture::new("resnet18", 3, 1);
/// let graph = build(&gray)?;
/// assert_eq!(graph.summary([64, 64])?.params(), 11_171_779);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// One of [`names`].
    pub name: String,
    /// Number of logits, ≥ 1; 0 for a `unet` that segments and does nothing else.
    pub n_classes: usize,
    /// Channels of the image: 3 for colour, 1 for gray.
    pub input_channels: usize,
    /// DenseNet: one more ReLU between the conv and the average pool of each transition, as in the papers.
    pub transition_relu: bool,
    /// Probability in [0, 1) of the dropout where the family has one; see [`default_dropout`]. DenseNet: after each dense
    /// layer. VGG: after each hidden dense layer of the classifier. Vision transformers: in every block. The others: before the head.
    pub dropout: f64,
    /// `plain_cnn`, `unet` and `ag_sononet`: their stages.
    pub stages: Vec<Stage>,
    /// `plain_cnn`, `unet` and `ag_sononet`: batch norm after each convolution, which then has no bias. (VGG says it in its name: `vgg16_bn`.)
    pub batch_norm: bool,
    /// Vision transformers: `[H, W]` of the images, which decides the number of positions. Others take any size.
    pub image_size: [usize; 2],
    /// `plain_vit`: its sizes.
    pub transformer: VisionTransformer,
    /// Attention on the last map of features in place of the head, which the method `ham` trains. See [`crate::hierarchical_attention`].
    pub hierarchical_attention: bool,
    /// A network without classes that comes first: the image is black where its map of logits is not above 0. See [`crate::pipeline`].
    pub segmenter: Option<Box<Architecture>>,
}

impl Architecture {
    /// Torchvision's form of an architecture, for images of 224 × 224 pixels where that matters; `plain_vit` with
    /// [`VisionTransformer::PLAIN`]; `plain_cnn`, `unet` and `ag_sononet` with [`plain_cnn::DEFAULT_STAGES`], [`unet::DEFAULT_STAGES`] and
    /// [`ag_sononet::DEFAULT_STAGES`] and batch norm. These are the defaults of a configuration too.
    pub fn new(name: &str, n_classes: usize, input_channels: usize) -> Self {
        Self {
            name: name.to_owned(),
            n_classes,
            input_channels,
            transition_relu: false,
            dropout: default_dropout(name),
            stages: match name {
                "ag_sononet" => ag_sononet::DEFAULT_STAGES.into(),
                "unet" => unet::DEFAULT_STAGES.into(),
                _ => plain_cnn::DEFAULT_STAGES.into(),
            },
            batch_norm: has_stages(name),
            image_size: [224; 2],
            transformer: VisionTransformer::PLAIN,
            hierarchical_attention: false,
            segmenter: None,
        }
    }

    fn check(&self) -> Result<(), ModelError> {
        let setting = |field, requirement, got| {
            Err(ModelError::Setting { architecture: self.name.clone(), field, requirement, got })
        };
        let (few, requirement) = match self.name.as_str() {
            "unet" => (2, "at least 2"),
            "ag_sononet" => (3, "at least 3"),
            _ => (0, "anything"),
        };
        if self.stages.len() < few {
            return setting("stages", requirement, self.stages.len().to_string());
        }
        if self.n_classes == 0 && self.name != "unet" {
            return setting("n_classes", "at least 1", "0".to_owned());
        }
        if self.input_channels == 0 {
            return setting("input_channels", "at least 1", "0".to_owned());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return setting("dropout", "in [0, 1)", self.dropout.to_string());
        }
        Ok(())
    }
}

/// An architecture family with its sizes.
#[derive(Clone, Copy)]
enum Family {
    AgSononet,
    DenseNet(DenseNet),
    PlainCnn,
    PlainVit,
    ResNet(ResNet),
    SqueezeNet(SqueezeNet),
    UNet,
    Vgg(Vgg),
    VisionTransformer(VisionTransformer),
}

const ZOO: &[(&str, Family)] = &[
    ("ag_sononet", Family::AgSononet),
    ("densenet121", Family::DenseNet(DenseNet { growth: 32, layers: [6, 12, 24, 16], stem: 64 })),
    ("densenet161", Family::DenseNet(DenseNet { growth: 48, layers: [6, 12, 36, 24], stem: 96 })),
    ("densenet169", Family::DenseNet(DenseNet { growth: 32, layers: [6, 12, 32, 32], stem: 64 })),
    ("densenet201", Family::DenseNet(DenseNet { growth: 32, layers: [6, 12, 48, 32], stem: 64 })),
    ("plain_cnn", Family::PlainCnn),
    ("plain_vit", Family::PlainVit),
    ("resnet18", Family::ResNet(ResNet { blocks: [2, 2, 2, 2], bottleneck: false })),
    ("resnet34", Family::ResNet(ResNet { blocks: [3, 4, 6, 3], bottleneck: false })),
    ("resnet50", Family::ResNet(ResNet { blocks: [3, 4, 6, 3], bottleneck: true })),
    ("resnet101", Family::ResNet(ResNet { blocks: [3, 4, 23, 3], bottleneck: true })),
    ("resnet152", Family::ResNet(ResNet { blocks: [3, 8, 36, 3], bottleneck: true })),
    ("squeezenet1_0", Family::SqueezeNet(SqueezeNet::V1_0)),
    ("squeezenet1_1", Family::SqueezeNet(SqueezeNet::V1_1)),
    ("unet", Family::UNet),
    ("vgg11", Family::Vgg(Vgg { convs: [1, 1, 2, 2, 2], batch_norm: false })),
    ("vgg11_bn", Family::Vgg(Vgg { convs: [1, 1, 2, 2, 2], batch_norm: true })),
    ("vgg13", Family::Vgg(Vgg { convs: [2, 2, 2, 2, 2], batch_norm: false })),
    ("vgg13_bn", Family::Vgg(Vgg { convs: [2, 2, 2, 2, 2], batch_norm: true })),
    ("vgg16", Family::Vgg(Vgg { convs: [2, 2, 3, 3, 3], batch_norm: false })),
    ("vgg16_bn", Family::Vgg(Vgg { convs: [2, 2, 3, 3, 3], batch_norm: true })),
    ("vgg19", Family::Vgg(Vgg { convs: [2, 2, 4, 4, 4], batch_norm: false })),
    ("vgg19_bn", Family::Vgg(Vgg { convs: [2, 2, 4, 4, 4], batch_norm: true })),
    ("vit_b_16", Family::VisionTransformer(VisionTransformer::over_16(12))),
    ("vit_s_16", Family::VisionTransformer(VisionTransformer::over_16(6))),
    ("vit_ti_16", Family::VisionTransformer(VisionTransformer::over_16(3))),
];

const NAMES: [&str; ZOO.len()] = {
    let mut names = [""; ZOO.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = ZOO[index].0;
        index += 1;
    }
    names
};

/// All names that [`build`] knows.
pub fn names() -> &'static [&'static str] {
    &NAMES
}

/// Builds the graph of an architecture.
///
/// # Errors
/// [`ModelError::UnknownArchitecture`] with the nearest names, or [`ModelError::Setting`] for a value out of its range.
pub fn build(architecture: &Architecture) -> Result<Graph, ModelError> {
    let Some(family) = family(&architecture.name) else {
        return Err(ModelError::UnknownArchitecture {
            name: architecture.name.clone(),
            nearest: nearest(&architecture.name),
        });
    };
    architecture.check()?;
    if let Some(segmenter) = &architecture.segmenter {
        let classifier = Architecture { segmenter: None, ..architecture.clone() };
        return pipeline::join(&build(segmenter)?, &build(&classifier)?);
    }
    let graph = build_family(family, architecture)?;
    if architecture.hierarchical_attention { hierarchical_attention::attach(&graph, architecture) } else { Ok(graph) }
}

fn build_family(family: Family, architecture: &Architecture) -> Result<Graph, ModelError> {
    match family {
        Family::AgSononet => ag_sononet::build(architecture),
        Family::DenseNet(densenet) => densenet.build(architecture),
        Family::PlainCnn => plain_cnn::build(architecture),
        Family::PlainVit => architecture.transformer.build(architecture),
        Family::ResNet(resnet) => resnet.build(architecture),
        Family::SqueezeNet(squeezenet) => squeezenet.build(architecture),
        Family::UNet => unet::build(architecture),
        Family::Vgg(vgg) => vgg.build(architecture),
        Family::VisionTransformer(transformer) => transformer.build(architecture),
    }
}

/// Whether an architecture is a vision transformer, which is built for images of one size.
pub fn is_transformer(name: &str) -> bool {
    matches!(family(name), Some(Family::PlainVit | Family::VisionTransformer(_)))
}

/// The dropout that torchvision trains an architecture with: 0.5 for VGG and SqueezeNet, otherwise 0.
pub fn default_dropout(name: &str) -> f64 {
    match family(name) {
        Some(Family::SqueezeNet(_) | Family::Vgg(_)) => 0.5,
        _ => 0.0,
    }
}

/// Whether an architecture is built from stages, instead of having one form.
pub fn has_stages(name: &str) -> bool {
    matches!(family(name), Some(Family::AgSononet | Family::PlainCnn | Family::UNet))
}

/// Whether a configuration gives the sizes of an architecture, so that its name stands for no shapes.
pub fn is_configured(name: &str) -> bool {
    has_stages(name) || matches!(family(name), Some(Family::PlainVit))
}

/// Side of the smallest square image that a graph can take, or `None` if 65,536 pixels are not enough. A vision transformer takes the size it
/// was built for.
///
/// # Example
/// ```
/// use isnet_models::{Architecture, build, minimum_size};
/// assert_eq!(minimum_size(&build(&Architecture::new("vgg11", 2, 3))?), Some(32)); // five pools halve it to 1
/// # Ok::<(), isnet_models::ModelError>(())
/// ```
pub fn minimum_size(graph: &Graph) -> Option<usize> {
    let fits = |side: usize| graph.shapes([side, side]).is_ok();
    let powers = (0..=16).map(|power| 1 << power);
    let enough = powers.chain(1..=4096).find(|side| fits(*side))?;
    (enough / 2 + 1..=enough).find(|side| fits(*side))
}

/// Puts a dropout before the head, if there is any.
pub(crate) fn dropout_before_head(build: &mut GraphBuilder, input: NodeId, probability: f64) -> NodeId {
    if probability > 0.0 { build.dropout("dropout", input, probability) } else { input }
}

fn family(name: &str) -> Option<Family> {
    ZOO.iter().find(|(known, _)| *known == name).map(|(_, family)| *family)
}

/// Up to three known names, the most similar first; those that hardly resemble are left out.
fn nearest(name: &str) -> Vec<&'static str> {
    let name = name.to_lowercase().replace('-', "");
    let mut alike: Vec<_> = NAMES.iter().map(|known| (strsim::damerau_levenshtein(&name, known), *known)).collect();
    alike.sort();
    let best = alike[0].0;
    alike.into_iter().filter(|(edits, _)| *edits <= 3 && *edits <= best + 1).take(3).map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(architecture: &Architecture) -> String {
        build(architecture).unwrap_err().to_string()
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbours() {
        assert_eq!(nearest("ResNet-18"), ["resnet18"]);
        assert_eq!(nearest("resnet16"), ["resnet18", "resnet101", "resnet152"]);
        assert_eq!(nearest("vgg16bn")[0], "vgg16_bn");
        assert!(nearest("transformer").is_empty());
        let text = message(&Architecture::new("denesnet121", 2, 3));
        assert!(text.starts_with("no architecture is named `denesnet121`; did you mean `densenet121`"), "{text}");
        assert!(text.ends_with("`vit_ti_16`"), "{text}");
    }

    #[test]
    fn values_out_of_range_are_named() {
        let resnet = Architecture::new("resnet18", 2, 3);
        assert_eq!(
            message(&Architecture { n_classes: 0, ..resnet.clone() }),
            "architecture `resnet18`: `n_classes` is 0, but must be at least 1"
        );
        assert_eq!(
            message(&Architecture { dropout: 1.0, ..resnet }),
            "architecture `resnet18`: `dropout` is 1, but must be in [0, 1)"
        );
    }

    #[test]
    fn every_architecture_has_a_smallest_image_and_fails_below_it() {
        for name in names() {
            let graph = build(&Architecture::new(name, 2, 3)).unwrap();
            let side = minimum_size(&graph).unwrap();
            assert!(graph.shapes([side, side]).is_ok(), "{name} at {side}");
            // An image need not be larger for a U-Net but divisible by its pools.
            assert!(side == 1 || *name == "unet" || graph.shapes([side - 1, side - 1]).is_err(), "{name} below {side}");
            let of_family = [("vgg", 32), ("densenet", 29), ("resnet", 1), ("plain_cnn", 8), ("vit", 224)];
            if let Some((_, expected)) = of_family.iter().find(|(family, _)| name.starts_with(family)) {
                assert_eq!(side, *expected, "{name}");
            }
        }
    }

    #[test]
    fn every_architecture_has_nodes_for_deep_supervision_on_the_way_to_its_logits() {
        for name in names() {
            let graph = build(&Architecture::new(name, 2, 3)).unwrap();
            let kept = graph.until(graph.logits());
            let supervised = graph.supervised();
            assert!(supervised.len() > 1 && supervised.is_sorted(), "{name}: {supervised:?}");
            assert_eq!(kept.supervised().len(), supervised.len(), "{name}: all are needed for the logits");
        }
    }

    #[test]
    fn dropout_goes_where_the_family_has_it() {
        let count = |name: &str, dropout| {
            let graph = build(&Architecture { dropout, ..Architecture::new(name, 2, 3) }).unwrap();
            graph.nodes().filter(|(_, node)| node.op.name() == "dropout").count()
        };
        let table = [
            ("vgg11", 2, 2),
            ("squeezenet1_1", 1, 1),
            ("resnet18", 0, 1),
            ("plain_cnn", 0, 1),
            ("densenet121", 0, 58),
            ("plain_vit", 0, 13),
        ];
        for (name, without, with) in table {
            assert_eq!((count(name, 0.0), count(name, 0.3)), (without, with), "{name}");
        }
        assert_eq!((default_dropout("vgg11_bn"), default_dropout("resnet50")), (0.5, 0.0));
    }
}
