//! A rule per linear part: by operation, by position, by name.
//!
//! The composites and their numbers are zennit's (Anders et al. 2021, `zennit.composites`), and so is what happens between the layers:
//!
//! | node | rule |
//! |---|---|
//! | conv and dense layer, with the batch norms beside it folded in | its rule, one for the layers on the image |
//! | batch norm without a layer to be folded into (DenseNet) | passes relevance on |
//! | average pool; sum of a residual block | ε ("Norm"): every input by its share of the value |
//! | ReLU, dropout | passes relevance on |
//! | max pool, concatenation, flatten; selected tokens and channels | relevance moves as the values did |
//! | softmax, layer norm, products of activations, tokens with their positions | AttnLRP |
//! | GELU | passes relevance on, which is AttnLRP too |

use isnet_graph::{Graph, NodeId, Op};

use crate::canonize::{AffinePart, affine_parts, first_affine_parts, nonnegative};
use crate::composite::{Pass, Plan, Rule, Start, unsupported};
use crate::error::{LrpError, UnsupportedNode};
use crate::rules::LayerRule;

/// A rule per linear part.
///
/// # Example
/// One conv on two pixels, 3 and 1, with weight 1 and −1: the output is 3 − 1 = 2, and all of it is explained.
/// ```
/// use burn::tensor::{DType, Device, Tensor};
/// use isnet_graph::{ConvSpec, GraphBuilder, Mode, Params};
/// use isnet_lrp::{LayerComposite, LayerRule, Rule, explain};
///
/// let mut build = GraphBuilder::new(1);
/// let x = build.input();
/// let x = build.conv("conv", x, ConvSpec { kernel: [1, 2], ..ConvSpec::square(1, 1, 1) });
/// let graph = build.finish(x)?;
/// let params = Params::from_fn(&graph, &Device::flex(), DType::F64, |_| vec![1.0, -1.0]);
/// let image = Tensor::<1>::from_data([3.0, 1.0], (&Device::flex(), DType::F64)).reshape([1, 1, 2, 1]);
/// let trace = graph.forward(&params, image.clone(), Mode::Evaluate);
///
/// let explained_by = |rule| -> Result<Vec<f64>, Box<dyn std::error::Error>> {
///     let composite = LayerComposite { conv: Rule::layer(rule), ..LayerComposite::epsilon_plus() };
///     let seeds = Tensor::ones([1, 1], (&Device::flex(), DType::F64));
///     let heatmap = explain(&graph, &params, &trace, &composite.plan(&graph)?, seeds, &[]).heatmap;
///     Ok(heatmap.try_into_vec_as::<f64>()?.into_iter().map(f64::round).collect())
/// };
/// assert_eq!(explained_by(LayerRule::Epsilon)?, [3.0, -1.0]); // what each pixel adds
/// assert_eq!(explained_by(LayerRule::ZPlus)?, [2.0, 0.0]); // only what raises the output
/// assert_eq!(explained_by(LayerRule::AlphaBeta { alpha: 2.0, beta: 1.0 })?, [4.0, -2.0]); // twice that, less what lowers it
/// assert_eq!(explained_by(LayerRule::Flat)?, [1.0, 1.0]); // evenly
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerComposite {
    /// Convolutions.
    pub conv: Rule,
    /// Dense layers.
    pub dense: Rule,
    /// Convolutions on the image, in place of `conv`.
    pub first_conv: Option<Rule>,
    /// Dense layers on the image, in place of `dense`.
    pub first_dense: Option<Rule>,
    /// Average pools.
    pub average_pool: Rule,
    /// Sums, as in residual blocks.
    pub add: Rule,
    /// Batch norms that cannot be folded into a layer; `None`: such a node is an error.
    pub batch_norm: Option<Rule>,
    /// Operations of a transformer that are neither linear nor a GELU, and tokens with their positions.
    pub attention: Rule,
    /// Rules of single nodes, by name, in place of all others.
    pub by_name: Vec<(String, Rule)>,
    /// Whether biases have a share of the relevance, which is then lost (zennit's `zero_params` turns it off).
    pub include_bias: bool,
    /// What relevance the logits start with.
    pub start: Start,
}

const FIRST_WAY_OUT: &str =
    "the composite has a rule for the layers on the image, which are conv or dense; choose a composite without one";
const ALONE: &str = "no conv or dense layer reads it alone or is read by it alone, so it cannot be folded into one; give `batch_norm` a rule, as `pass`";

impl LayerComposite {
    /// ε for dense layers, z⁺ for convolutions.
    pub fn epsilon_plus() -> Self {
        Self::zennit(LayerRule::ZPlus)
    }

    /// The same, and flat for the layers on the image.
    pub fn epsilon_plus_flat() -> Self {
        Self::epsilon_plus().starting_flat()
    }

    /// ε for dense layers, αβ with α = 2 and β = 1 for convolutions.
    pub fn epsilon_alpha2_beta1() -> Self {
        Self::zennit(LayerRule::AlphaBeta { alpha: 2.0, beta: 1.0 })
    }

    /// The same, and flat for the layers on the image.
    pub fn epsilon_alpha2_beta1_flat() -> Self {
        Self::epsilon_alpha2_beta1().starting_flat()
    }

    /// ε for dense layers, γ = 0.25 for convolutions, z^B for those on the image, whose pixels lie in `[low, high]`.
    pub fn epsilon_gamma_box(low: f64, high: f64) -> Self {
        let first_conv = Some(Rule::layer(LayerRule::ZBox { low, high }));
        Self { first_conv, ..Self::zennit(LayerRule::Gamma { gamma: 0.25 }) }
    }

    /// Excitation backprop (Zhang et al. 2016): z⁺ for all layers. It has no rule for a batch norm that stands alone.
    pub fn excitation_backprop() -> Self {
        Self { dense: Rule::layer(LayerRule::ZPlus), batch_norm: None, ..Self::zennit(LayerRule::ZPlus) }
    }

    /// AttnLRP (Achtibat et al. 2024): ε for everything linear, and the rules for what makes a transformer.
    pub fn attn_lrp(stabilizer: f64) -> Self {
        let rule = Rule::Layer { rule: LayerRule::Epsilon, stabilizer };
        let blends = Self { average_pool: rule, add: rule, ..Self::epsilon_plus() };
        Self { conv: rule, dense: rule, attention: Rule::AttnLrp { stabilizer }, ..blends }
    }

    /// z⁺ for everything linear, sums, pools and batch norms too, from the logits that z⁺ has itself: the first map of the dual ISNet.
    pub fn z_plus(stabilizer: f64) -> Self {
        let rule = Rule::Layer { rule: LayerRule::ZPlus, stabilizer };
        Self {
            dense: rule,
            average_pool: rule,
            add: rule,
            batch_norm: Some(rule),
            start: Start::OwnLogits,
            conv: rule,
            ..Self::epsilon_plus()
        }
    }

    fn zennit(conv: LayerRule) -> Self {
        let epsilon = Rule::layer(LayerRule::Epsilon);
        Self {
            conv: Rule::layer(conv),
            dense: epsilon,
            first_conv: None,
            first_dense: None,
            average_pool: epsilon,
            add: epsilon,
            batch_norm: Some(Rule::Pass),
            attention: Rule::AttnLrp { stabilizer: 1e-6 },
            by_name: Vec::new(),
            include_bias: true,
            start: Start::Logits,
        }
    }

    fn starting_flat(self) -> Self {
        let flat = Some(Rule::layer(LayerRule::Flat));
        Self { first_conv: flat, first_dense: flat, ..self }
    }

    /// The same with a rule for one node; a folded layer answers to its name and to that of the batch norm behind it.
    #[must_use]
    pub fn with(mut self, node: &str, rule: Rule) -> Self {
        self.by_name.push((node.to_owned(), rule));
        self
    }

    /// Assigns a rule to every node, and checks that each can follow it.
    ///
    /// # Errors
    /// [`LrpError::Unsupported`] with *all* nodes that have no rule or cannot follow theirs, and what to do about each.
    ///
    /// # Panics
    /// If a number of a rule is out of its range: a bug in the caller.
    pub fn plan(&self, graph: &Graph) -> Result<Plan, LrpError> {
        let (first, mut problems) = if self.first_conv.is_some() || self.first_dense.is_some() {
            first_affine_parts(graph, FIRST_WAY_OUT)
        } else {
            (Vec::new(), Vec::new())
        };
        let is_first: Vec<NodeId> = first.iter().map(|part| part.head).collect();
        let parts = affine_parts(graph, first);
        let mut rules: Vec<Rule> = graph.nodes().map(|(_, node)| self.rule_of(&node.op)).collect();
        for part in &parts {
            match self.rule_of_part(graph, part, is_first.contains(&part.head)) {
                Some(rule) => rules[part.head.index()] = rule,
                None => problems.push(unsupported(graph, part.head, ALONE)),
            }
        }
        for (name, rule) in &self.by_name {
            match answering(graph, &parts, name) {
                Ok(id) => rules[id.index()] = *rule,
                Err(problem) => problems.push(problem),
            }
        }
        // What the logits do not depend on, such as the decoder of a segmentation, gets no relevance.
        let upstream = upstream(graph);
        for ((id, _), rule) in graph.nodes().zip(&rules).filter(|((id, _), _)| upstream[id.index()]) {
            problems.extend(misfit(graph, &parts, id, *rule).map(|reason| unsupported(graph, id, reason)));
        }
        if !problems.is_empty() {
            return Err(LrpError::Unsupported { nodes: problems });
        }
        let (include_bias, start) = (self.include_bias, self.start);
        Ok(Plan::of(Pass { rules, parts, nonnegative: nonnegative(graph), include_bias, start }))
    }

    fn rule_of(&self, op: &Op) -> Rule {
        match op {
            Op::Conv(_) | Op::Dense(_) | Op::BatchNorm(_) | Op::ConvTranspose(_) => Rule::Folded,
            Op::AveragePool(_) | Op::AdaptiveAveragePool(_) | Op::Interpolate => self.average_pool,
            Op::Add => self.add,
            // A gate scales: whatever is relevant behind it is relevant before it.
            Op::Relu | Op::Gelu | Op::Dropout(_) | Op::Gate => Rule::Pass,
            Op::Softmax | Op::LayerNorm(_) | Op::Tokens(_) | Op::AttentionScores { .. } | Op::AttentionSums => {
                self.attention
            }
            Op::Input | Op::MaxPool(_) | Op::LogSumExpPool(_) | Op::Concat | Op::Flatten | Op::Identity => {
                Rule::Transpose
            }
            Op::SelectToken(_) | Op::NarrowChannels { .. } => Rule::Transpose,
            Op::Sigmoid | Op::SpatialShare(_) | Op::Threshold(_) => Rule::Transpose,
        }
    }

    fn rule_of_part(&self, graph: &Graph, part: &AffinePart, is_first: bool) -> Option<Rule> {
        match graph.node(part.layer).op {
            Op::ConvTranspose(_) => Some(self.conv),
            Op::Conv(_) => Some(self.first_conv.filter(|_| is_first).unwrap_or(self.conv)),
            Op::Dense(_) => Some(self.first_dense.filter(|_| is_first).unwrap_or(self.dense)),
            // A batch norm; an affine part has nothing else for a layer.
            _ => self.batch_norm,
        }
    }
}

/// For every node, whether the logits depend on it.
fn upstream(graph: &Graph) -> Vec<bool> {
    let mut known = vec![false; graph.nodes().len()];
    known[graph.logits().index()] = true;
    for (id, node) in graph.nodes().rev() {
        if known[id.index()] {
            node.inputs.iter().for_each(|input| known[input.index()] = true);
        }
    }
    known
}

/// The node whose rule a name means.
fn answering(graph: &Graph, parts: &[AffinePart], name: &str) -> Result<NodeId, UnsupportedNode> {
    let Some(id) = graph.find(name) else {
        let reason = "the composite has a rule for it, but no node has this name".to_owned();
        return Err(UnsupportedNode { node: name.to_owned(), op: "absent", reason });
    };
    match parts.iter().find(|part| part.contains(id)) {
        Some(part) if part.before.contains(&id) => {
            let layer = &graph.node(part.layer).name;
            Err(unsupported(graph, id, &format!("it is folded into `{layer}`; name that node")))
        }
        Some(part) => Ok(part.head),
        None => Ok(id),
    }
}

/// What an operation does to relevance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Belongs to an affine part.
    Affine,
    /// A fixed weighted sum.
    Blends,
    /// Moves values, or ends what relevance does not pass.
    Moves,
    /// May pass relevance on as it is, and nothing else.
    Passes,
    /// Moves and may pass on.
    Stays,
    /// An operation of a transformer.
    Attends,
    /// One that may pass relevance on as well.
    AttendsOrPasses,
}

fn kind(op: &Op) -> Kind {
    match op {
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Dense(_) | Op::BatchNorm(_) => Kind::Affine,
        Op::AveragePool(_) | Op::AdaptiveAveragePool(_) | Op::Interpolate | Op::Add => Kind::Blends,
        Op::Input | Op::MaxPool(_) | Op::LogSumExpPool(_) | Op::Concat | Op::Flatten => Kind::Moves,
        Op::SelectToken(_) | Op::NarrowChannels { .. } => Kind::Moves,
        Op::Sigmoid | Op::SpatialShare(_) | Op::Threshold(_) => Kind::Moves,
        Op::Identity => Kind::Stays,
        Op::Relu | Op::Dropout(_) | Op::Gate => Kind::Passes,
        Op::Gelu => Kind::AttendsOrPasses,
        Op::Softmax | Op::LayerNorm(_) | Op::Tokens(_) => Kind::Attends,
        Op::AttentionScores { .. } | Op::AttentionSums => Kind::Attends,
    }
}

/// Why a node cannot follow a rule, and what to do.
fn misfit(graph: &Graph, parts: &[AffinePart], id: NodeId, rule: Rule) -> Option<&'static str> {
    let (kind, part) = (kind(&graph.node(id).op), parts.iter().find(|part| part.head == id));
    let alone = part.is_some_and(|part| matches!(graph.node(part.layer).op, Op::BatchNorm(_)));
    match rule {
        Rule::Layer { rule, stabilizer } => {
            rule.assert_valid();
            assert!(
                stabilizer.is_finite() && stabilizer >= 0.0,
                "a stabilizer must be finite and ≥ 0, got {stabilizer}"
            );
            match (part.is_some(), kind == Kind::Blends) {
                (true, _) => None,
                (_, true) if !rule.needs_weights() => None,
                (_, true) => Some("w², flat and z^B need the weights of a conv or dense layer; choose ε or z⁺"),
                _ => Some("a rule of linear parts needs a conv, dense layer, batch norm, average pool or sum"),
            }
        }
        Rule::ZBox { .. } if part.is_some_and(|part| part.source == graph.input()) => None,
        Rule::ZBox { .. } => Some("z^B in ISNet's form starts at the image; `LayerRule::ZBox` can stand anywhere"),
        Rule::Pass if alone || matches!(kind, Kind::Passes | Kind::Stays | Kind::AttendsOrPasses) => None,
        Rule::Pass => Some("relevance passes unchanged through a ReLU, GELU, dropout, gate or lone batch norm only"),
        Rule::AttnLrp { .. } if matches!(kind, Kind::Attends | Kind::AttendsOrPasses) => None,
        Rule::AttnLrp { .. } => Some("AttnLRP is for softmax, layer norm, GELU, attention and tokens"),
        Rule::Folded if part.is_none() && parts.iter().any(|part| part.contains(id)) => None,
        Rule::Transpose if matches!(kind, Kind::Moves | Kind::Stays) => None,
        Rule::Folded if alone => None,
        Rule::Folded | Rule::Transpose | Rule::Epsilon { .. } | Rule::Gradient => {
            Some("a rule of the modified gradient cannot take relevance; choose `Rule::Layer` or `Rule::Pass`")
        }
    }
}
