//! All composites by name, and the plan of the dual ISNet.

use isnet_graph::Graph;

use crate::composite::{Composite, FirstLayer, Plan, Rule};
use crate::error::LrpError;
use crate::layer_composite::LayerComposite;

/// A composite that can be asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct NamedComposite {
    /// Its name; zennit's where zennit has it.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    plan: fn(&Graph, (f64, f64)) -> Result<Plan, LrpError>,
}

/// Every composite, the one that ISNet trains with first.
pub const COMPOSITES: &[NamedComposite] = &[
    NamedComposite {
        name: "isnet",
        summary: "LRP-ε as a modified gradient (ε = 0.01), z^B on the image: what ISNet trains with",
        plan: |graph, (low, high)| {
            Composite { first_layer: FirstLayer::ZBox { low, high }, ..Composite::isnet() }.plan(graph)
        },
    },
    NamedComposite {
        name: "isnet_times_input",
        summary: "the same without z^B: gradient times pixel at the image",
        plan: |graph, _| Composite { first_layer: FirstLayer::TimesInput, ..Composite::isnet() }.plan(graph),
    },
    NamedComposite {
        name: "gradient_times_input",
        summary: "the gradient times the image",
        plan: |graph, _| Composite::gradient_times_input().plan(graph),
    },
    NamedComposite {
        name: "epsilon_plus",
        summary: "ε for dense layers, z⁺ for convolutions",
        plan: |graph, _| LayerComposite::epsilon_plus().plan(graph),
    },
    NamedComposite {
        name: "epsilon_plus_flat",
        summary: "the same, flat for the layers on the image",
        plan: |graph, _| LayerComposite::epsilon_plus_flat().plan(graph),
    },
    NamedComposite {
        name: "epsilon_alpha2_beta1",
        summary: "ε for dense layers, αβ (α = 2, β = 1) for convolutions",
        plan: |graph, _| LayerComposite::epsilon_alpha2_beta1().plan(graph),
    },
    NamedComposite {
        name: "epsilon_alpha2_beta1_flat",
        summary: "the same, flat for the layers on the image",
        plan: |graph, _| LayerComposite::epsilon_alpha2_beta1_flat().plan(graph),
    },
    NamedComposite {
        name: "epsilon_gamma_box",
        summary: "ε for dense layers, γ (0.25) for convolutions, z^B for those on the image",
        plan: |graph, (low, high)| LayerComposite::epsilon_gamma_box(low, high).plan(graph),
    },
    NamedComposite {
        name: "excitation_backprop",
        summary: "z⁺ for all layers",
        plan: |graph, _| LayerComposite::excitation_backprop().plan(graph),
    },
    NamedComposite {
        name: "attn_lrp",
        summary: "ε for everything linear and AttnLRP for attention, layer norms and GELUs of a transformer",
        plan: |graph, _| LayerComposite::attn_lrp(1e-6).plan(graph),
    },
    NamedComposite {
        name: "z_plus",
        summary: "z⁺ for everything linear, from z⁺'s own logits: the first map of the dual ISNet",
        plan: |graph, _| LayerComposite::z_plus(0.01).plan(graph),
    },
];

/// The plan of the dual ISNet (METHOD §3): two maps of every sample, by z⁺ and by LRP-ε.
///
/// METHOD says that both start from all logits at once; this is what that means here. Each map starts with the logits that its rule has: the ε map
/// with the logits themselves, the z⁺ map with `W⁺·a + b⁺` of the last layer, so that none of its relevance is negative. In the z⁺ map every linear
/// node follows z⁺ with the same stabilizer ε (layers with the batch norms beside them folded in, sums, average pools, lone batch norms); the ε map is
/// ISNet's modified gradient. Both have the same rule at the image, z^B or none, and the loss treats them as `E = 2` maps with one natural range.
///
/// # Errors
/// [`LrpError::Unsupported`] with all nodes that a map cannot pass.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// # use isnet_graph::{ConvSpec, GraphBuilder, Mode, Params};
/// use isnet_lrp::{Composite, OutputSelector, Outputs, dual_plan, explain};
///
/// # let mut build = GraphBuilder::new(1);
/// # let x = build.input();
/// # let x = build.conv("conv", x, ConvSpec::square(1, 4, 3).biased());
/// # let x = build.relu("relu", x);
/// # let x = build.adaptive_average_pool("pool", x, [1, 1]);
/// # let logits = build.dense("fc", x, 4, 3);
/// # let graph = build.finish(logits)?;
/// # let params = Params::initialize(&graph, 0, &Device::flex());
/// let plan = dual_plan(&Composite::isnet(), &graph)?;
/// let trace = graph.forward(&params, Tensor::ones([5, 8, 8, 1], &Device::flex()), Mode::Evaluate);
/// let seeds = OutputSelector::dual().seeds(trace.logits(), &Outputs::single_label(None), None)?;
/// let relevance = explain(&graph, &params, &trace, &plan, seeds.gradient, &[]);
/// assert_eq!(relevance.heatmap.dims(), [5 * 2, 8, 8, 1]); // z⁺ and ε of the first sample, then of the second, …
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dual_plan(composite: &Composite, graph: &Graph) -> Result<Plan, LrpError> {
    let epsilon = composite.epsilon;
    let first = match composite.first_layer {
        FirstLayer::TimesInput => None,
        FirstLayer::ZBox { low, high } => Some(Rule::ZBox { low, high, epsilon }),
    };
    let z_plus = LayerComposite { first_conv: first, first_dense: first, ..LayerComposite::z_plus(epsilon) };
    Ok(z_plus.plan(graph)?.beside(composite.plan(graph)?))
}

/// Plans the composite of this name for images with pixels in `[low, high]`.
///
/// # Errors
/// [`LrpError::UnknownComposite`] if there is none; [`LrpError::Unsupported`] with all nodes that cannot follow their rule.
///
/// # Panics
/// If the composite uses z^B and `low ≥ high`.
///
/// # Example
/// ```
/// # use isnet_graph::{ConvSpec, GraphBuilder};
/// use isnet_lrp::{LayerRule, Rule, named_plan};
///
/// # let mut build = GraphBuilder::new(1);
/// # let x = build.input();
/// # let x = build.conv("conv", x, ConvSpec::square(1, 2, 3));
/// # let x = build.relu("relu", x);
/// # let graph = build.finish(x)?;
/// let plan = named_plan("epsilon_plus", (0.0, 1.0), &graph)?; // image, conv, ReLU
/// assert_eq!(plan.rules(), [Rule::Transpose, Rule::layer(LayerRule::ZPlus), Rule::Pass]);
/// assert!(named_plan("epsilon_minus", (0.0, 1.0), &graph).unwrap_err().to_string().contains("epsilon_gamma_box"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn named_plan(name: &str, bounds: (f64, f64), graph: &Graph) -> Result<Plan, LrpError> {
    match COMPOSITES.iter().find(|composite| composite.name == name) {
        Some(composite) => (composite.plan)(graph, bounds),
        None => Err(LrpError::UnknownComposite {
            name: name.to_owned(),
            known: COMPOSITES.iter().map(|composite| composite.name).collect(),
        }),
    }
}
