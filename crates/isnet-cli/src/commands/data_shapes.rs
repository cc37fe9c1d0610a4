//! `isnet data shapes`

use isnet_data::shapes::{ShapesConfig, write};

use crate::Answer;
use crate::args::DataShapesArgs;
use crate::output;
use crate::progress::print;

/// Writes shapes, masks and a manifest.
pub fn run(args: &DataShapesArgs) -> anyhow::Result<Answer> {
    let config = ShapesConfig {
        size: args.size,
        train: args.train,
        val: args.val,
        test: args.test,
        seed: args.seed,
        correlation: args.correlation,
    };
    let manifest = write(&config, &args.folder, output::existing(args.overwrite))?;
    print(&manifest.display().to_string());
    Ok(Answer::Yes)
}
