//! Layer-wise relevance propagation (LRP) as one differentiable pass over a graph.
//!
//! Relevance of a node is `R = a ⊙ G`, where `G` is a *modified gradient* of the explained quantity: the graph is walked backwards as
//! back-propagation does, except that a ReLU with output `a` passes `G·a/(a + ε)` (LRP-Flex, IEEE Access 2024; METHOD §2). Everything is made of
//! tensor operations, so Burn differentiates the heatmap once, like any forward pass.
//!
//! Beside it, [`LayerComposite`] gives every linear part a rule of its own (z⁺, αβ, γ, w², flat, z^B, …), under zennit's names; there the walk
//! carries relevance. [`named_plan`] knows all composites by name.
//!
//! The pass matches on *operations*, never on architectures.
//!
//! # Example
//! ```
//! use burn::tensor::{Device, Tensor};
//! use isnet_graph::{ConvSpec, GraphBuilder, Mode, Params};
//! use isnet_lrp::{Composite, OutputSelector, Outputs, explain};
//!
//! let mut build = GraphBuilder::new(1);
//! let x = build.input();
//! let x = build.conv("conv", x, ConvSpec::square(1, 4, 3).padded(1).biased());
//! let x = build.relu("relu", x);
//! let x = build.adaptive_average_pool("pool", x, [1, 1]);
//! let logits = build.dense("fc", x, 4, 3);
//! let graph = build.finish(logits)?;
//! let params = Params::initialize(&graph, 0, &Device::flex());
//!
//! let plan = Composite::isnet().plan(&graph)?;
//! let trace = graph.forward(&params, Tensor::ones([2, 8, 8, 1], &Device::flex()), Mode::Evaluate);
//! let seeds = OutputSelector::all_classes().seeds(trace.logits(), &Outputs::single_label(None), None)?;
//! let relevance = explain(&graph, &params, &trace, &plan, seeds.gradient, &[]);
//! assert_eq!(relevance.heatmap.dims(), [2 * 3, 8, 8, 1]); // one map per class, a sample's maps side by side
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod canonize;
pub mod composite;
pub mod error;
mod folded_layer;
pub mod layer_composite;
pub mod named;
pub mod relevance;
pub mod rules;
pub mod selector;

pub use composite::{Composite, FirstLayer, Pass, Plan, Rule, Start};
pub use error::LrpError;
pub use layer_composite::LayerComposite;
pub use named::{COMPOSITES, NamedComposite, dual_plan, named_plan};
pub use relevance::{Relevance, explain, gradient_at};
pub use rules::LayerRule;
pub use selector::{OutputSelector, Outputs, Quantity, Seeds, Target};
