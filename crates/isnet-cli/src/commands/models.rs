//! `isnet models`

use isnet_models::{Architecture, build, minimum_size, names};

use crate::Answer;
use crate::args::ModelsArgs;
use crate::progress::print;

/// Lists the architectures, or shows one.
pub fn run(args: &ModelsArgs) -> anyhow::Result<Answer> {
    match &args.name {
        Some(name) => {
            let graph = build(&Architecture::new(name, args.classes, 3))?;
            print(&graph.summary([args.size, args.size])?.to_string());
        }
        None => list(args)?,
    }
    Ok(Answer::Yes)
}

fn list(args: &ModelsArgs) -> anyhow::Result<()> {
    if !args.json {
        print(&format!("{:14}  {:>12}  {:>16}  {:>8}", "architecture", "parameters", "multiply-adds", "smallest"));
    }
    for name in names() {
        let graph = build(&Architecture::new(name, args.classes, 3))?;
        let summary = graph.summary([args.size, args.size])?;
        let smallest = minimum_size(&graph).unwrap_or(1);
        let (params, adds) = (summary.params(), summary.multiply_adds());
        print(&if args.json {
            serde_json::json!({ "name": name, "parameters": params, "multiply_adds": adds, "smallest": smallest })
                .to_string()
        } else {
            format!("{name:14}  {params:>12}  {adds:>16}  {smallest:>5} px")
        });
    }
    Ok(())
}
