//! Vision transformers: ViT-B/16, S/16 and Ti/16, and `plain_vit` of any size.
//!
//! The image is cut into patches, each becomes a token by one dense map, and every block lets the tokens look at each other (attention) and
//! then at themselves (MLP), both behind a layer norm and added to what was there. Source: Dosovitskiy et al., "An Image is Worth 16×16
//! Words", 2021, in torchvision's form (`torchvision/models/vision_transformer.py`), whose names, order and first values these are. S and Ti have
//! the sizes of Touvron et al., "DeiT", 2021; timm's weight files are read too (`weights/timm.rs`).
//!
//! The positions are parameters, so a model is built for one image size; weights of another size are resampled when they are loaded.

use isnet_graph::{Conv, ConvGeometry, Dense, Graph, GraphBuilder, Init, NodeId, Op, ParamRole, Tokens};

use crate::error::ModelError;
use crate::zoo::Architecture;

/// ε of the layer norms.
const EPSILON: f64 = 1e-6;

/// Sizes of a vision transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisionTransformer {
    /// Side of a patch in pixels; the image is a whole number of them high and wide.
    pub patch: usize,
    /// Features of a token.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Heads of the attention; they divide `width`.
    pub heads: usize,
    /// Features inside the MLP of a block.
    pub mlp: usize,
}

impl VisionTransformer {
    /// What `plain_vit` is unless told otherwise: small enough to learn on a CPU.
    pub const PLAIN: Self = Self { patch: 8, width: 64, layers: 4, heads: 4, mlp: 128 };

    /// Twelve layers over patches of 16 pixels, heads of 64 features, an MLP four times as wide.
    pub(crate) const fn over_16(heads: usize) -> Self {
        Self { patch: 16, width: 64 * heads, layers: 12, heads, mlp: 256 * heads }
    }

    /// Writes the graph down. Deep supervision: the tokens after every block but the last, of which only the class token is read. Dropout: after the positions, the attention and both
    /// layers of each MLP, where torchvision has it.
    ///
    /// # Errors
    /// [`ModelError::Setting`] if the sizes do not fit each other or the image; [`ModelError::Graph`] if the graph is not valid.
    pub fn build(&self, architecture: &Architecture) -> Result<Graph, ModelError> {
        self.check(architecture)?;
        let mut build =
            Builder { build: GraphBuilder::new(architecture.input_channels), dropout: architecture.dropout };
        let image = build.build.input();
        let x = self.embed(&mut build, image, architecture);
        let mut x = build.dropped("encoder.dropout", x);
        for layer in 0..self.layers {
            x = self.block(&mut build, &format!("encoder.layers.encoder_layer_{layer}"), x);
            if layer + 1 < self.layers {
                build.build.supervise(x);
            }
        }
        let x = build.build.layer_norm("encoder.ln", x, self.width, EPSILON);
        let x = build.build.node("class_token", Op::SelectToken(0), &[x]);
        let sizes = [self.width, architecture.n_classes];
        let logits = build.dense("heads.head", x, sizes, [Init::Constant(0.0); 2]);
        Ok(build.build.finish(logits)?)
    }

    /// From pixels to tokens.
    fn embed(&self, builder: &mut Builder, image: NodeId, architecture: &Architecture) -> NodeId {
        let (width, channels, build) = (self.width, architecture.input_channels, &mut builder.build);
        let class_token = build.parameter("class_token", vec![1, 1, width], ParamRole::Embedding, Init::Constant(0.0));
        let deviation = ((channels * self.patch * self.patch) as f64).sqrt().recip();
        let kernel = vec![width, channels, self.patch, self.patch];
        let start = Init::TruncatedNormal(deviation);
        let weight = build.parameter("conv_proj.weight", kernel, ParamRole::ConvWeight, start);
        let bias = Some(build.parameter("conv_proj.bias", vec![width], ParamRole::Bias, Init::Constant(0.0)));
        let geometry = ConvGeometry { stride: [self.patch; 2], ..ConvGeometry::default() };
        let patches = build.node("conv_proj", Op::Conv(Conv { weight, bias, geometry }), &[image]);
        let grid = architecture.image_size.map(|side| side / self.patch);
        let shape = vec![1, 1 + grid[0] * grid[1], width];
        let position = build.parameter("encoder.pos_embedding", shape, ParamRole::Embedding, Init::Normal(0.02));
        build.node("encoder.pos_embedding", Op::Tokens(Tokens { class_token, position, grid }), &[patches])
    }

    fn block(&self, build: &mut Builder, name: &str, input: NodeId) -> NodeId {
        let part = |leaf: &str| format!("{name}.{leaf}");
        let x = build.build.layer_norm(&part("ln_1"), input, self.width, EPSILON);
        let x = self.attention(build, &part("self_attention"), x);
        let x = build.dropped(&part("dropout"), x);
        let input = build.build.add(&part("add_1"), &[x, input]);
        let x = build.build.layer_norm(&part("ln_2"), input, self.width, EPSILON);
        let wide = [Init::xavier([self.mlp, self.width]), Init::Normal(1e-6)];
        let x = build.dense(&part("mlp.0"), x, [self.width, self.mlp], wide);
        let x = build.build.gelu(&part("mlp.1"), x);
        let x = build.dropped(&part("mlp.2"), x);
        let x = build.dense(&part("mlp.3"), x, [self.mlp, self.width], wide);
        let x = build.dropped(&part("mlp.4"), x);
        build.build.add(&part("add_2"), &[x, input])
    }

    /// Multi-head self-attention, an operation per node so that relevance has a rule at each.
    fn attention(&self, builder: &mut Builder, name: &str, input: NodeId) -> NodeId {
        let (width, heads) = (self.width, self.heads);
        let start = Init::xavier([3 * width, width]);
        let params = [format!("{name}.in_proj_weight"), format!("{name}.in_proj_bias")];
        let dense = builder.dense_params(params, [width, 3 * width], [start, Init::Constant(0.0)]);
        let build = &mut builder.build;
        let joined = build.node(&format!("{name}.in_proj"), Op::Dense(dense), &[input]);
        let mut part = |leaf: &str, start: usize| {
            let op = Op::NarrowChannels { start: start * width, channels: width };
            build.node(&format!("{name}.{leaf}"), op, &[joined])
        };
        let (query, key, value) = (part("query", 0), part("key", 1), part("value", 2));
        let scores = build.node(&format!("{name}.scores"), Op::AttentionScores { heads }, &[query, key]);
        let weights = build.softmax(&format!("{name}.weights"), scores);
        let sums = build.node(&format!("{name}.sums"), Op::AttentionSums, &[weights, value]);
        let uniform = Init::of(ParamRole::DenseWeight, &[width, width]);
        builder.dense(&format!("{name}.out_proj"), sums, [width, width], [uniform, Init::Constant(0.0)])
    }

    fn check(&self, architecture: &Architecture) -> Result<(), ModelError> {
        let setting = |field, requirement, got: String| {
            Err(ModelError::Setting { architecture: architecture.name.clone(), field, requirement, got })
        };
        let [height, width] = architecture.image_size;
        let sizes = [("patch", self.patch), ("layers", self.layers), ("heads", self.heads), ("mlp", self.mlp)];
        if let Some((field, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return setting(field, "at least 1", "0".to_owned());
        }
        if self.width == 0 || !self.width.is_multiple_of(self.heads) {
            return setting("width", "a multiple of `heads`", format!("{} with {} heads", self.width, self.heads));
        }
        if [height, width].iter().any(|side| *side == 0 || !side.is_multiple_of(self.patch)) {
            let got = format!("{height} × {width} px with patches of {} px", self.patch);
            return setting("image_size", "a multiple of the patch", got);
        }
        Ok(())
    }
}

/// A graph builder with torchvision's first values and dropouts.
struct Builder {
    build: GraphBuilder,
    dropout: f64,
}

impl Builder {
    /// A dropout, if there is any.
    fn dropped(&mut self, name: &str, input: NodeId) -> NodeId {
        if self.dropout > 0.0 { self.build.dropout(name, input, self.dropout) } else { input }
    }

    /// A dense layer from `[inputs, outputs]` and the starts of weight and bias.
    fn dense(&mut self, name: &str, input: NodeId, sizes: [usize; 2], start: [Init; 2]) -> NodeId {
        let dense = self.dense_params(["weight", "bias"].map(|leaf| format!("{name}.{leaf}")), sizes, start);
        self.build.node(name, Op::Dense(dense), &[input])
    }

    fn dense_params(&mut self, names: [String; 2], [inputs, outputs]: [usize; 2], start: [Init; 2]) -> Dense {
        let weight = self.build.parameter(&names[0], vec![outputs, inputs], ParamRole::DenseWeight, start[0]);
        Dense { weight, bias: Some(self.build.parameter(&names[1], vec![outputs], ParamRole::Bias, start[1])) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

    #[test]
    fn an_image_of_another_size_than_the_model_was_built_for_is_refused() {
        let graph = zoo::build(&Architecture::new("vit_ti_16", 2, 3)).unwrap();
        let message = graph.shapes([128, 128]).unwrap_err().to_string();
        assert_eq!(
            message,
            "node `encoder.pos_embedding` has positions for 14 × 14 patches, got 8×8×192; build the model for images of this size"
        );
        let small = Architecture { image_size: [128, 64], ..Architecture::new("vit_ti_16", 2, 3) };
        let graph = zoo::build(&small).unwrap();
        let tokens = graph.find("encoder.pos_embedding").unwrap();
        assert_eq!(graph.shapes([128, 64]).unwrap()[tokens.index()].to_string(), "1×33×192");
    }

    #[test]
    fn sizes_that_do_not_fit_are_named() {
        let vit = Architecture::new("vit_b_16", 2, 3);
        let message = zoo::build(&Architecture { image_size: [100, 224], ..vit }).unwrap_err().to_string();
        let expected = "`image_size` is 100 × 224 px with patches of 16 px, but must be a multiple of the patch";
        assert!(message.ends_with(expected), "{message}");
        let transformer = VisionTransformer { heads: 5, ..VisionTransformer::PLAIN };
        let plain = Architecture { transformer, ..Architecture::new("plain_vit", 2, 1) };
        let message = zoo::build(&plain).unwrap_err().to_string();
        assert!(message.ends_with("`width` is 64 with 5 heads, but must be a multiple of `heads`"), "{message}");
    }

    #[test]
    fn an_untrained_model_starts_as_torchvisions_does() {
        let graph = zoo::build(&Architecture::new("plain_vit", 2, 1)).unwrap();
        let start = |name: &str| graph.params().find(|(_, spec)| spec.name == name).unwrap().1.init;
        assert_eq!(start("heads.head.weight"), Init::Constant(0.0));
        assert_eq!(start("conv_proj.weight"), Init::TruncatedNormal(0.125)); // 1/√(8·8)
        assert_eq!(start("encoder.pos_embedding"), Init::Normal(0.02));
        let block = "encoder.layers.encoder_layer_3";
        assert_eq!(start(&format!("{block}.self_attention.in_proj_weight")), Init::xavier([192, 64]));
        assert_eq!(start(&format!("{block}.self_attention.out_proj.weight")), Init::Uniform(0.125));
        assert_eq!(start(&format!("{block}.mlp.0.bias")), Init::Normal(1e-6));
    }
}
