//! `isnet models`

use isnet_graph::{Graph, Shape, Summary, SummaryRow};
use isnet_models::{Architecture, build, minimum_size, names};

use crate::Answer;
use crate::args::ModelsArgs;
use crate::progress::{print, say};

/// Lists the architectures, or shows one.
pub fn run(args: &ModelsArgs) -> anyhow::Result<Answer> {
    match &args.name {
        Some(name) => show(name, args)?,
        None => list(args)?,
    }
    Ok(Answer::Yes)
}

fn show(name: &str, args: &ModelsArgs) -> anyhow::Result<()> {
    let graph = graph(name, args)?;
    let summary = graph.summary([args.size, args.size])?;
    if !args.json {
        print(&summary.to_string());
        return Ok(());
    }
    let node = |row: &SummaryRow| {
        let Shape { height, width, channels } = row.output;
        serde_json::json!({
            "name": row.name,
            "op": row.op,
            "output": [height, width, channels],
            "parameters": row.params,
            "multiply_adds": row.multiply_adds,
        })
    };
    let mut found = in_numbers(name, &graph, &summary);
    found["nodes"] = summary.rows.iter().map(node).collect();
    print(&found.to_string());
    Ok(())
}

fn list(args: &ModelsArgs) -> anyhow::Result<()> {
    if !args.json {
        print(&format!("{:14}  {:>12}  {:>16}  {:>8}", "architecture", "parameters", "multiply-adds", "smallest"));
    }
    for name in names() {
        // A vision transformer has no patches for some sizes, and a deep network nothing left of a small image.
        let row = graph(name, args).and_then(|graph| Ok((graph.summary([args.size; 2])?, graph)));
        let (summary, graph) = match row {
            Ok(row) => row,
            Err(error) => {
                say(&format!("{error:#}"));
                continue;
            }
        };
        print(&if args.json {
            in_numbers(name, &graph, &summary).to_string()
        } else {
            let (params, adds) = (summary.params(), summary.multiply_adds());
            format!("{name:14}  {params:>12}  {adds:>16}  {:>5} px", smallest(&graph))
        });
    }
    Ok(())
}

fn graph(name: &str, args: &ModelsArgs) -> anyhow::Result<Graph> {
    Ok(build(&Architecture { image_size: [args.size; 2], ..Architecture::new(name, args.classes, 3) })?)
}

fn in_numbers(name: &str, graph: &Graph, summary: &Summary) -> serde_json::Value {
    serde_json::json!({
        "name": name,
        "parameters": summary.params(),
        "multiply_adds": summary.multiply_adds(),
        "smallest": smallest(graph),
    })
}

fn smallest(graph: &Graph) -> usize {
    minimum_size(graph).unwrap_or(1)
}
