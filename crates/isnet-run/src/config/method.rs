//! `[method]`: how the model learns to ignore the background.

use std::path::PathBuf;

use super::model::{AG_SONONET, Stage, UNET};
use super::section::{POSITIVE, choice, section};

impl MethodName {
    /// What is trained unless the configuration says something else.
    pub const DEFAULT: Self = Self::Isnet;

    /// Share of the epochs that are classification alone before the heatmap loss begins, of the methods that have one: it finds nothing to correct in
    /// a network that explains nothing yet, and keeps it so.
    const WARM_UP: f64 = 0.4;

    /// Epochs of classification alone, of so many.
    pub fn start_epoch(self, epochs: usize) -> usize {
        if self.has_heatmap_loss() { (Self::WARM_UP * epochs as f64) as usize } else { 0 }
    }

    /// Share of the training images on exchanged backgrounds.
    pub fn exchange_background(self) -> f64 {
        f64::from(u8::from(self.has_heatmap_loss() || self == Self::BackgroundExchange))
    }

    /// Whether the loss has a term on the relevance of the classifier.
    pub fn has_heatmap_loss(self) -> bool {
        matches!(self, Self::Isnet | Self::GradInput)
    }

    /// The architecture that a method has unless the configuration says another.
    pub fn architecture(self) -> &'static str {
        match self {
            Self::Multitask | Self::Segment => UNET,
            Self::AttentionGated => AG_SONONET,
            _ => "resnet18",
        }
    }
}

choice! {
    /// What is trained.
    MethodName {
        /// The classifier with a loss on its LRP heatmap.
        Isnet = "isnet",
        /// The classifier alone.
        Standard = "standard",
        /// The classifier alone, on images whose backgrounds are exchanged.
        BackgroundExchange = "background_exchange",
        /// ISNet with gradient × input in place of LRP.
        GradInput = "grad_input",
        /// Right for the right reasons: the classifier with a loss on its input gradient.
        Rrr = "rrr",
        /// Model guidance: the classifier with a loss on the share of its positive evidence that lies outside.
        Energy = "energy",
        /// Targeted activation penalty: the classifier with a loss on its activations on the background.
        Tap = "tap",
        /// The classifier, on images whose background is changed for the worst too.
        PgdEx = "pgd_ex",
        /// The classifier, with a loss on the worst logits that a changed background can give.
        IbpEx = "ibp_ex",
        /// The classifier, with a loss on its gradient where the background is changed for the worst.
        R4 = "r4",
        /// Guided attention: the classifier with two losses on its Grad-CAM.
        Gain = "gain",
        /// Hierarchical attention mining: the classifier with three losses on its attention maps.
        Ham = "ham",
        /// The classifier with attention gates, without masks.
        AttentionGated = "attention_gated",
        /// A U-Net that segments, with a head that classifies.
        Multitask = "multitask",
        /// A U-Net that segments and does nothing else.
        Segment = "segment",
        /// A U-Net, and a classifier of what it leaves of the image.
        SegmentClassify = "segment_classify",
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
        /// ε for everything linear, AttnLRP for the rest of a transformer, relevance carried layer by layer.
        AttnLrp = "attn_lrp",
    }
}

section! {
    /// `[method]`.
    MethodConfig(section) {
        /// What is trained: `"isnet"`, `"standard"`, `"background_exchange"`, `"grad_input"`, `"rrr"`, `"energy"`, `"tap"`, `"pgd_ex"`, `"ibp_ex"`, `"r4"`, `"gain"`, `"ham"`, `"attention_gated"`, `"multitask"`, `"segment"` or `"segment_classify"`.
        name: MethodName = MethodName::DEFAULT;
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
        /// Whether hidden nodes have a heatmap loss too (LDS); by default where the network has supervised nodes.
        deep_supervision: Option<bool> = None;
        /// Epochs of classification alone before the heatmap loss starts. By default 0.4 of the `train.epochs` that a run is begun with for
        /// `"isnet"` and `"grad_input"`, otherwise 0.
        start_epoch: Option<usize> = None;
    }
    computed {
        /// `[method.rrr]`.
        rrr: RrrConfig = RrrConfig::resolve(&section.section("rrr")?)?;
        /// `[method.energy]`.
        energy: EnergyConfig = EnergyConfig::resolve(&section.section("energy")?)?;
        /// `[method.tap]`.
        tap: TapConfig = TapConfig::resolve(&section.section("tap")?)?;
        /// `[method.pgd_ex]`.
        pgd_ex: PgdExConfig = PgdExConfig::resolve(&section.section("pgd_ex")?)?;
        /// `[method.ibp_ex]`.
        ibp_ex: IbpExConfig = IbpExConfig::resolve(&section.section("ibp_ex")?)?;
        /// `[method.r4]`.
        r4: R4Config = R4Config::resolve(&section.section("r4")?)?;
        /// `[method.gain]`.
        gain: GainConfig = GainConfig::resolve(&section.section("gain")?)?;
        /// `[method.ham]`.
        ham: HamConfig = HamConfig::resolve(&section.section("ham")?)?;
        /// `[method.multitask]`.
        multitask: MultitaskConfig = MultitaskConfig::resolve(&section.section("multitask")?)?;
        /// `[method.segment_classify]`.
        segment_classify: SegmentClassifyConfig =
            SegmentClassifyConfig::resolve(&section.section("segment_classify")?)?;
    }
}

section! {
    /// `[method.rrr]`: `classification + λ·Σ over the background of (∂ Σ_k ln P_k / ∂x)²`.
    RrrConfig(section) {
        /// Weight of the squared input gradient on the background (λ).
        weight: f64 = 1e-3, in POSITIVE;
    }
}

section! {
    /// `[method.energy]`: `classification + λ·(share of the positive evidence that lies outside)`.
    EnergyConfig(section) {
        /// Weight of the share (λ).
        weight: f64 = 1.0, in POSITIVE;
    }
}

section! {
    /// `[method.tap]`: `classification + λ·mean over layers of Σ over the background of (Σ over channels of the activation)²`.
    TapConfig(section) {
        /// Weight of the squared activations (λ).
        weight: f64 = 1e-3, in POSITIVE;
    }
}

section! {
    /// `[method.pgd_ex]`: `classification + λ·classification of the image with the worst background`.
    PgdExConfig(section) {
        /// Weight of the changed images (λ).
        weight: f64 = 1.0, in POSITIVE;
        /// Largest change of a pixel of the background, in units of the pixel range [0, 1] (κ).
        radius: f64 = 0.3, in 0.0..=1.0;
        /// Steps of the search for the worst change.
        steps: usize = 5, in 1..=100;
    }
}

section! {
    /// `[method.ibp_ex]`: `classification + λ·classification of the worst logits over all backgrounds within κ`.
    IbpExConfig(section) {
        /// Weight of the worst logits (λ).
        weight: f64 = 1.0, in POSITIVE;
        /// Largest change of a pixel of the background, in units of the pixel range [0, 1] (κ).
        radius: f64 = 0.1, in 0.0..=1.0;
    }
}

section! {
    /// `[method.r4]`: `classification + λ·Σ over the background of abs(∂ classification / ∂ image)` at the worst background within κ.
    R4Config(section) {
        /// Weight of the gradient on the background (λ).
        weight: f64 = 0.1, in POSITIVE;
        /// Largest change of a pixel of the background, in units of the pixel range [0, 1] (κ).
        radius: f64 = 0.1, in 0.0..=1.0;
        /// Steps of the search for the worst change.
        steps: usize = 5, in 1..=100;
    }
}

section! {
    /// `[method.gain]`: `classification + α·mean P(label | masked image) + w·mean square of (attention − mask)`.
    GainConfig(section) {
        /// Weight of the probability that the label keeps when what is attended to is taken away (α).
        mining_weight: f64 = 1.0, in 0.0..;
        /// Weight of the squared difference of attention and mask (w).
        mask_weight: f64 = 10.0, in 0.0..;
        /// Steepness of the sigmoid that takes attention for taken away (ω).
        steepness: f64 = 10.0, in POSITIVE;
        /// Attention that is half taken away (s), of 0 to 1.
        threshold: f64 = 0.5, in 0.0..=1.0;
    }
}

section! {
    /// `[method.ham]`: `classification + a·anomaly + m·(attention against mask) + b·bound + u·union`; the defaults are those of its authors' code.
    HamConfig(section) {
        /// Weight of the cross-entropy of "there is an anomaly" (a).
        anomaly_weight: f64 = 0.01, in 0.0..;
        /// Weight of the squared difference of the attention of each label and the mask (m).
        mask_weight: f64 = 0.5, in 0.0..;
        /// Weight of the attention of the labels that lies outside the attention of the anomaly (b).
        bound_weight: f64 = 0.001, in 0.0..;
        /// Weight of the attention of the anomaly that no label explains (u).
        union_weight: f64 = 0.001, in 0.0..;
        /// Steepness of the sigmoids that take attention for attended (ω).
        steepness: f64 = 100.0, in POSITIVE;
        /// Attention, stretched to 0…1, that is half attended where it is held against the mask (σ).
        threshold: f64 = 0.4, in 0.0..=1.0;
        /// Attention, as it is, that is half attended in the bound and the union.
        activation_threshold: f64 = 0.75, in 0.0..;
        /// The class of `data.classes` that is no anomaly; by default each is one. With several labels, none is none.
        normal: Option<String> = None;
    }
}

section! {
    /// `[method.multitask]`: `(1 − P)·classification + P·segmentation`.
    MultitaskConfig(section) {
        /// Share of the segmentation loss (P).
        segmentation_weight: f64 = 0.5, in 0.0..=1.0;
    }
}

section! {
    /// `[method.segment_classify]`: first the segmenter learns from the masks, then the classifier from what it leaves of the images.
    SegmentClassifyConfig(section) {
        /// A segmenter that is trained already (a run folder or model of `isnet segment train`); the default trains one first.
        segmenter: Option<PathBuf> = None;
        /// Epochs of the segmenter, of all `train.epochs`, where one is trained.
        segmenter_epochs: usize = 5, in 1..;
    }
    computed {
        /// `[[method.segment_classify.stages]]`, the stages of the U-Net where one is trained. Default: five, of 64 to 1024 channels.
        stages: Vec<Stage> = Stage::resolve_all(section, UNET)?;
    }
}
