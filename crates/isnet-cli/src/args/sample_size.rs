//! `isnet sample-size`

/// `isnet sample-size`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet sample-size --sensitivity 0.9 --half-width 0.05 --prevalence 0.1\n  isnet sample-size --auc 0.85 --half-width 0.05 --prevalence 0.3 --images-per-patient 4 --icc 0.5"
)]
#[command(group = clap::ArgGroup::new("figure").required(true))]
pub struct SampleSizeArgs {
    /// The sensitivity that is expected.
    #[arg(long, group = "figure", value_name = "SHARE")]
    pub sensitivity: Option<f64>,
    /// The specificity that is expected.
    #[arg(long, group = "figure", value_name = "SHARE")]
    pub specificity: Option<f64>,
    /// The area under the ROC curve that is expected, from 0.5.
    #[arg(long, group = "figure", value_name = "AREA")]
    pub auc: Option<f64>,
    /// How far the interval may reach to each side.
    #[arg(long, value_name = "SHARE")]
    pub half_width: f64,
    /// Share of the class among those who are tested.
    #[arg(long, value_name = "SHARE")]
    pub prevalence: f64,
    /// Share of intervals that hold the true value.
    #[arg(long, default_value_t = 0.95)]
    pub confidence: f64,
    /// Exact intervals (Clopper and Pearson) of a sensitivity or specificity instead of Wilson's.
    #[arg(long, conflicts_with = "auc")]
    pub exact: bool,
    /// Images of each patient.
    #[arg(long, value_name = "N", requires = "icc")]
    pub images_per_patient: Option<f64>,
    /// How alike images of one patient are, from 0 (independent) to 1 (copies).
    #[arg(long, value_name = "SHARE", requires = "images_per_patient")]
    pub icc: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
