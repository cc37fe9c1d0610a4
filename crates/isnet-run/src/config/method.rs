//! `[method]`: how the model learns to ignore the background.

use super::section::{POSITIVE, choice, section};

choice! {
    /// What is trained.
    MethodName {
        /// The classifier with a loss on its LRP heatmap.
        Isnet = "isnet",
        /// The classifier alone.
        Standard = "standard",
        /// ISNet with gradient × input in place of LRP.
        GradInput = "grad_input",
    }
}

choice! {
    /// What is explained (METHOD §3).
    Selector {
        /// One map: η of the lowest logit, from the softmax.
        Selective = "selective",
        /// One map: the highest logit, or half of the time another one.
        Stochastic = "stochastic",
        /// A map per class; the cost grows with K.
        AllClasses = "all_classes",
        /// One map: the logit of the label.
        Label = "label",
        /// Two maps from all logits at once: one by z⁺, one by LRP-ε.
        Dual = "dual",
    }
}

choice! {
    /// Rules of the relevance pass, under the names that `isnet_lrp::named_plan` knows; all but the first are zennit's.
    CompositeName {
        /// LRP-ε as a modified gradient, z^B on the image: `epsilon`, `z_box`, `low` and `high` belong to it.
        Isnet = "isnet",
        /// ε for dense layers, z⁺ for convolutions.
        EpsilonPlus = "epsilon_plus",
        /// The same, flat for the layers on the image.
        EpsilonPlusFlat = "epsilon_plus_flat",
        /// ε for dense layers, αβ (α = 2, β = 1) for convolutions.
        EpsilonAlpha2Beta1 = "epsilon_alpha2_beta1",
        /// The same, flat for the layers on the image.
        EpsilonAlpha2Beta1Flat = "epsilon_alpha2_beta1_flat",
        /// ε for dense layers, γ (0.25) for convolutions, z^B for those on the image.
        EpsilonGammaBox = "epsilon_gamma_box",
        /// z⁺ for all layers.
        ExcitationBackprop = "excitation_backprop",
    }
}

section! {
    /// `[method]`.
    MethodConfig(section) {
        /// What is trained: `"isnet"`, `"standard"` or `"grad_input"`.
        name: MethodName = MethodName::Isnet;
        /// What is explained: `"selective"`, `"stochastic"`, `"all_classes"`, `"label"` or `"dual"`.
        selector: Selector = Selector::Selective;
        /// Rules of the relevance pass: `"isnet"` (LRP-ε and z^B), or one of zennit's by its name, as `"epsilon_plus"`.
        composite: CompositeName = CompositeName::Isnet;
        /// Stabilizer of LRP at a ReLU: `a / (a + ε)` (ε).
        epsilon: f64 = 0.01, in 0.0..=1.0;
        /// Keeps the logarithms of the selective quantity finite (ε_s).
        selective_epsilon: f64 = 1e-2, in POSITIVE;
        /// Whether the first layer uses the z^B rule for bounded inputs.
        z_box: bool = true;
        /// Lowest value of an input pixel, for z^B (l).
        low: f64 = 0.0, in ..;
        /// Highest value of an input pixel, for z^B (h).
        high: f64 = 1.0, in ..;
        /// Whether hidden nodes have a heatmap loss too (LDS).
        deep_supervision: bool = false;
        /// Epochs of classification alone before the heatmap loss starts.
        start_epoch: usize = 0;
    }
}
