//! `isnet data phantom`

use isnet_data::phantom::{PhantomConfig, write};

use crate::Answer;
use crate::args::DataPhantomArgs;
use crate::output;
use crate::progress::print;

/// Writes phantoms, masks and a manifest.
pub fn run(args: &DataPhantomArgs) -> anyhow::Result<Answer> {
    let config = PhantomConfig {
        size: args.size,
        train: args.train,
        val: args.val,
        test: args.test,
        seed: args.seed,
        mark_correlation: args.mark_correlation,
        ..Default::default()
    };
    let manifest = write(&config, &args.folder, output::existing(args.overwrite))?;
    print(&manifest.display().to_string());
    Ok(Answer::Yes)
}
