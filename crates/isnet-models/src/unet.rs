//! U-Net: a segmenter, with a classification head on its bottleneck where there are classes.
//!
//! Each stage is convolutions with batch norm and ReLU; down, a max pool ends it; up, a transposed convolution of the pool's size enlarges, and the stage
//! of the same level is joined before the convolutions. The last stage is the bottleneck, without a pool. A 1×1 convolution makes the map of logits, above 0
//! foreground. The head, for multi-task learning, is a global pool and a dense layer on the bottleneck; it does not see the way up. Source: Ronneberger,
//! Fischer and Brox, "U-Net", 2015, with padded convolutions and batch norm, so that the map has the size of the image. METHOD §5: five stages, 64 features in
//! the first.

use isnet_graph::{ConvSpec, Graph, GraphBuilder, MaxPoolGeometry, NodeId};

use crate::error::ModelError;
use crate::plain_cnn::Stage;
use crate::zoo::{Architecture, dropout_before_head};

/// Five stages of two 3×3 convolutions, 64 to 1024 features.
pub const DEFAULT_STAGES: [Stage; 5] = [stage(64), stage(128), stage(256), stage(512), stage(1024)];

const fn stage(channels: usize) -> Stage {
    Stage { channels, convs: 2, kernel: 3, pool: 2 }
}

/// Writes the graph down; without classes the map of the segmentation is its output. Deep supervision: the last ReLU of every stage on the way
/// down.
///
/// # Errors
/// [`ModelError::Stage`] if a size of a stage is out of its range.
pub fn build(architecture: &Architecture) -> Result<Graph, ModelError> {
    let stages = &architecture.stages;
    crate::plain_cnn::check(architecture)?;
    let mut build = GraphBuilder::new(architecture.input_channels);
    let image = build.input();
    let (mut x, mut channels, mut skips) = (image, architecture.input_channels, Vec::new());
    for (level, stage) in (1..).zip(stages) {
        x = convs(&mut build, &format!("down{level}"), (x, channels), (stage, architecture.batch_norm));
        build.supervise(x);
        channels = stage.channels;
        if level < stages.len() {
            skips.push(x);
            x = build.max_pool(&format!("down{level}.pool"), x, MaxPoolGeometry::square(stage.pool));
        }
    }
    let logits = (architecture.n_classes > 0).then(|| head(&mut build, x, channels, architecture));
    for (level, skip) in skips.into_iter().enumerate().rev() {
        let (stage, name) = (&stages[level], format!("up{}", level + 1));
        let enlarge = ConvSpec::square(channels, stage.channels, stage.pool).strided(stage.pool);
        x = build.conv_transpose(&format!("{name}.transpose"), x, enlarge);
        x = build.concat(&format!("{name}.concat"), &[skip, x]);
        x = convs(&mut build, &name, (x, 2 * stage.channels), (stage, architecture.batch_norm));
        channels = stage.channels;
    }
    let map = build.conv("segmentation", x, ConvSpec::square(channels, 1, 1).biased());
    build.segments(map);
    Ok(build.finish(logits.unwrap_or(map))?)
}

fn head(build: &mut GraphBuilder, x: NodeId, channels: usize, architecture: &Architecture) -> NodeId {
    let x = build.adaptive_average_pool("avgpool", x, [1, 1]);
    let x = build.flatten("flatten", x);
    let x = dropout_before_head(build, x, architecture.dropout);
    build.dense("fc", x, channels, architecture.n_classes)
}

/// The convolutions of a stage, each with its ReLU.
fn convs(
    build: &mut GraphBuilder,
    name: &str,
    (mut x, mut channels): (NodeId, usize),
    (stage, batch_norm): (&Stage, bool),
) -> NodeId {
    for number in 1..=stage.convs {
        let conv = ConvSpec::square(channels, stage.channels, stage.kernel).padded(stage.kernel / 2);
        let conv = if batch_norm { conv } else { conv.biased() };
        x = build.conv(&format!("{name}.conv{number}"), x, conv);
        if batch_norm {
            x = build.batch_norm(&format!("{name}.norm{number}"), x, stage.channels);
        }
        x = build.relu(&format!("{name}.relu{number}"), x);
        channels = stage.channels;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

    fn unet(n_classes: usize) -> Architecture {
        Architecture::new("unet", n_classes, 3)
    }

    #[test]
    fn the_default_has_the_known_number_of_parameters_and_a_map_of_the_images_size() {
        // 31,037,698 trainable parameters are those of the usual PyTorch form for 3 channels and 2 classes; a map less is 65.
        let graph = zoo::build(&unet(0)).unwrap();
        assert_eq!(graph.summary([64, 64]).unwrap().params(), 31_037_698 - 65);
        let map = graph.segmentation().expect("it segments");
        assert_eq!((graph.output(), graph.classifies()), (map, false));
        assert_eq!(graph.shapes([64, 48]).unwrap()[map.index()].to_string(), "64×48×1");
    }

    #[test]
    fn with_classes_the_output_is_their_logits_and_the_map_is_made_too() {
        let graph = zoo::build(&unet(3)).unwrap();
        assert!(graph.classifies() && graph.segmentation().is_some());
        assert_eq!(graph.shapes([32, 32]).unwrap()[graph.logits().index()].to_string(), "1×1×3");
        let supervised: Vec<_> = graph.supervised().iter().map(|id| graph.node(*id).name.as_str()).collect();
        assert_eq!(supervised, [1, 2, 3, 4, 5].map(|level| format!("down{level}.relu2")));
    }

    #[test]
    fn an_image_that_the_pools_do_not_divide_is_refused_where_the_maps_meet() {
        let error = zoo::build(&unet(0)).unwrap().shapes([40, 40]).unwrap_err().to_string();
        assert!(error.contains("`up4.concat`") && error.contains("4×4") && error.contains("5×5"), "{error}");
    }

    #[test]
    fn one_stage_is_no_u_net() {
        let stages = vec![stage(4)];
        let error = zoo::build(&Architecture { stages, ..unet(0) }).unwrap_err().to_string();
        assert_eq!(error, "architecture `unet`: `stages` is 1, but must be at least 2");
    }
}
