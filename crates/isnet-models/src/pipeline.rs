//! Two networks in a row, as one graph: a segmenter, and a classifier of the image that is black where the segmenter says background.
//!
//! The parameters of the segmenter are named `segmenter.…`, those of the classifier as they are alone. Neither gradients nor relevance pass the
//! binarised map; relevance passes from the masked image to the image where it is open. METHOD §5, `segment_classify`.

use isnet_graph::{Graph, GraphBuilder};

use crate::error::ModelError;

/// What the names of the segmenter's parameters begin with.
pub const SEGMENTER: &str = "segmenter.";

/// `image → segmenter → above 0? → image × that → classifier`.
///
/// # Errors
/// [`ModelError::Setting`] if the first graph does not segment; [`ModelError::Graph`] if both have parameters of one name.
pub fn join(segmenter: &Graph, classifier: &Graph) -> Result<Graph, ModelError> {
    let Some(map) = segmenter.segmentation() else {
        let architecture = "segmenter".to_owned();
        let requirement = "one that makes a map, such as `unet`";
        return Err(ModelError::Setting { architecture, field: "name", requirement, got: "a classifier".to_owned() });
    };
    let mut build = GraphBuilder::new(classifier.input_channels());
    let image = build.input();
    let first = build.embed(segmenter, SEGMENTER, image);
    let open = build.threshold("mask", first[map.index()], 0.0);
    let masked = build.gate("masked", image, open);
    let second = build.embed(classifier, "", masked);
    build.segments(first[map.index()]);
    classifier.supervised().iter().for_each(|id| build.supervise(second[id.index()]));
    Ok(build.finish(second[classifier.output().index()])?)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use isnet_graph::{Mode, Params};

    use crate::zoo::{Architecture, build};

    #[test]
    fn the_classifier_sees_the_image_only_where_the_segmenter_says_foreground() {
        let segmenter =
            Architecture { stages: crate::unet::DEFAULT_STAGES[..2].into(), ..Architecture::new("unet", 0, 1) };
        let alone = build(&crate::plain_cnn::reference(2, 1)).unwrap();
        let both =
            build(&Architecture { segmenter: Some(Box::new(segmenter)), ..crate::plain_cnn::reference(2, 1) }).unwrap();
        let device = Device::flex();
        // A bias of ±1 at the end of the segmenter, whose weights are 0, opens or shuts everything.
        for (bias, opens) in [(1.0, true), (-1.0, false)] {
            let params = |graph: &isnet_graph::Graph| {
                let drawn = Params::initialize(graph, 3, &device);
                let value = |spec: &isnet_graph::ParamSpec| match spec.name.as_str() {
                    "segmenter.segmentation.weight" => vec![0.0; spec.len()],
                    "segmenter.segmentation.bias" => vec![bias],
                    _ => {
                        let (id, _) = graph.params().find(|(_, other)| other.name == spec.name).unwrap();
                        drawn.flat(id).try_into_vec_as().unwrap()
                    }
                };
                Params::from_fn(graph, &device, burn::tensor::DType::F32, value)
            };
            let image = Tensor::<4>::ones([1, 8, 8, 1], &device) * 0.5;
            let seen = image.clone() * f64::from(u8::from(opens));
            let expected = alone.forward(&params(&alone), seen, Mode::Evaluate).logits();
            let found = both.forward(&params(&both), image, Mode::Evaluate).logits();
            assert_eq!(found.try_into_vec_as::<f32>().unwrap(), expected.try_into_vec_as::<f32>().unwrap());
        }
        assert!(both.params().any(|(_, spec)| spec.name == "0.weight"), "names of the classifier are its own");
    }
}
