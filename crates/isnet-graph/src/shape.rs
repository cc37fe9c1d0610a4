//! Shape inference: op → shape of its output.

use std::fmt;

use isnet_kernels::AveragePool;

use crate::error::GraphError;
use crate::graph::{Graph, Node};
use crate::op::{Conv, Op, Tokens};

/// Shape of an activation without its batch axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl Shape {
    /// A flat activation.
    pub fn flat(channels: usize) -> Self {
        Self { height: 1, width: 1, channels }
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn resized(self, [height, width]: [usize; 2]) -> Self {
        Self { height, width, ..self }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

impl Graph {
    /// Shape of every node for images of `[H, W]`.
    ///
    /// # Errors
    /// [`GraphError`] naming the first node that cannot take its input.
    pub fn shapes(&self, image_size: [usize; 2]) -> Result<Vec<Shape>, GraphError> {
        let image = Shape { height: image_size[0], width: image_size[1], channels: self.input_channels() };
        let mut shapes: Vec<Shape> = Vec::with_capacity(self.nodes.len());
        for (_, node) in self.nodes() {
            let inputs: Vec<Shape> = node.inputs.iter().map(|input| shapes[input.index()]).collect();
            shapes.push(if node.op == Op::Input { image } else { self.output_shape(node, &inputs)? });
        }
        Ok(shapes)
    }

    fn output_shape(&self, node: &Node, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let input = inputs[0];
        let too_small = |kernel| GraphError::TooSmall { node: node.name.clone(), kernel, got: input };
        match &node.op {
            Op::Conv(conv) => {
                let shape = &self.param(conv.weight).shape;
                let (groups, kernel) = (conv.geometry.groups, [shape[2], shape[3]]);
                expect_groups(node, groups, [shape[0], input.channels])?;
                self.expect_channels(node, shape[1] * groups, input)?;
                let size = conv.geometry.output_size(input.size(), kernel).ok_or_else(|| too_small(kernel))?;
                Ok(Shape { channels: shape[0], ..input.resized(size) })
            }
            Op::ConvTranspose(conv) => self.conv_transpose_shape(node, conv, input),
            Op::Dense(dense) => {
                let shape = &self.param(dense.weight).shape;
                self.expect_tokens(node, input)?;
                self.expect_channels(node, shape[1], input)?;
                Ok(Shape { channels: shape[0], ..input })
            }
            Op::BatchNorm(norm) => {
                self.expect_channels(node, self.param(norm.weight).shape[0], input)?;
                Ok(input)
            }
            Op::MaxPool(geometry) => {
                let size = geometry.output_size(input.size()).ok_or_else(|| too_small(geometry.kernel))?;
                Ok(input.resized(size))
            }
            Op::AveragePool(window) => {
                let kernel = window.0.map(|axis| axis.kernel);
                let pool = AveragePool::windows(input.size(), window.0).ok_or_else(|| too_small(kernel))?;
                Ok(input.resized(pool.output_size()))
            }
            Op::AdaptiveAveragePool(size) => Ok(input.resized(*size)),
            Op::LogSumExpPool(_) => Ok(input.resized([1, 1])),
            Op::Interpolate => Ok(input.resized(inputs[1].size())),
            Op::Gate if inputs[1].channels == 1 => {
                let pixels: Vec<Shape> = inputs.iter().map(|shape| Shape { channels: 0, ..*shape }).collect();
                self.expect_equal(node, &pixels).map(|()| input)
            }
            Op::Add | Op::Gate => self.expect_equal(node, inputs).map(|()| input),
            Op::Concat => {
                let pixels: Vec<Shape> = inputs.iter().map(|shape| Shape { channels: 0, ..*shape }).collect();
                self.expect_equal(node, &pixels)?;
                Ok(Shape { channels: inputs.iter().map(|shape| shape.channels).sum(), ..input })
            }
            Op::Flatten => Ok(Shape::flat(input.len())),
            Op::LayerNorm(norm) => self.expect_channels(node, self.param(norm.weight).shape[0], input).map(|()| input),
            Op::Tokens(tokens) => self.tokens_shape(node, tokens, input),
            Op::SelectToken(token) => token_shape(node, *token, input),
            Op::NarrowChannels { start, channels } => {
                self.expect_channels(node, input.channels.max(start + channels), input)?;
                Ok(Shape { channels: *channels, ..input })
            }
            Op::AttentionScores { heads } => scores_shape(node, *heads, input, inputs[1]),
            Op::AttentionSums => sums_shape(node, input, inputs[1]),
            Op::Input
            | Op::Relu
            | Op::Gelu
            | Op::Sigmoid
            | Op::Softmax
            | Op::SpatialShare(_)
            | Op::Threshold(_)
            | Op::Dropout(_)
            | Op::Identity => Ok(input),
        }
    }

    fn conv_transpose_shape(&self, node: &Node, conv: &Conv, input: Shape) -> Result<Shape, GraphError> {
        let shape = &self.param(conv.weight).shape;
        let (groups, kernel) = (conv.geometry.groups, [shape[2], shape[3]]);
        // The weight only has the channels of a group, the bias has them all.
        let channels = conv.bias.map_or(shape[1] * groups, |bias| self.param(bias).len());
        expect_groups(node, groups, [channels, input.channels])?;
        self.expect_channels(node, shape[0], input)?;
        let too_small = || GraphError::TooSmall { node: node.name.clone(), kernel, got: input };
        let size = conv.geometry.transposed_size(input.size(), kernel).ok_or_else(too_small)?;
        Ok(Shape { channels, ..input.resized(size) })
    }

    fn tokens_shape(&self, node: &Node, tokens: &Tokens, input: Shape) -> Result<Shape, GraphError> {
        if input.size() != tokens.grid {
            return Err(GraphError::Grid { node: node.name.clone(), expected: tokens.grid, got: input });
        }
        let shape = &self.param(tokens.position).shape;
        self.expect_channels(node, shape[2], input)?;
        Ok(Shape { height: 1, width: shape[1], ..input })
    }

    fn expect_channels(&self, node: &Node, expected: usize, input: Shape) -> Result<(), GraphError> {
        if input.channels == expected {
            return Ok(());
        }
        let from = self.node(node.inputs[0]).name.clone();
        Err(GraphError::Channels { node: node.name.clone(), expected, got: input.channels, input: from })
    }

    fn expect_tokens(&self, node: &Node, input: Shape) -> Result<(), GraphError> {
        match input.height {
            1 => Ok(()),
            _ => Err(GraphError::NotFlat { node: node.name.clone(), got: input }),
        }
    }

    fn expect_equal(&self, node: &Node, inputs: &[Shape]) -> Result<(), GraphError> {
        match inputs.iter().position(|shape| *shape != inputs[0]) {
            None => Ok(()),
            Some(index) => Err(GraphError::Disagree {
                node: node.name.clone(),
                input: self.node(node.inputs[index]).name.clone(),
                expected: inputs[0],
                got: inputs[index],
            }),
        }
    }
}

/// Channels on both sides of a convolution fall into whole groups.
fn expect_groups(node: &Node, groups: usize, channels: [usize; 2]) -> Result<(), GraphError> {
    match channels.into_iter().find(|channels| groups == 0 || channels % groups != 0) {
        None => Ok(()),
        Some(channels) => Err(GraphError::Groups { node: node.name.clone(), groups, channels }),
    }
}

/// One of the tokens in a row.
fn token_shape(node: &Node, token: usize, input: Shape) -> Result<Shape, GraphError> {
    if input.height != 1 || token >= input.width {
        return Err(GraphError::Token { node: node.name.clone(), token, got: input });
    }
    Ok(Shape::flat(input.channels))
}

/// The scores of queries and keys.
fn scores_shape(node: &Node, heads: usize, queries: Shape, keys: Shape) -> Result<Shape, GraphError> {
    let fits = queries.height == 1 && queries.channels == keys.channels;
    let output = Shape { height: heads, width: queries.width, channels: keys.width };
    expect_heads(node, heads, [queries, keys], fits).map(|()| output)
}

/// The sums of values by their weights.
fn sums_shape(node: &Node, weights: Shape, values: Shape) -> Result<Shape, GraphError> {
    let fits = weights.channels == values.width;
    let output = Shape { height: 1, width: weights.width, channels: values.channels };
    expect_heads(node, weights.height, [weights, values], fits).map(|()| output)
}

fn expect_heads(node: &Node, heads: usize, [first, second]: [Shape; 2], fits: bool) -> Result<(), GraphError> {
    if fits && second.height == 1 && heads > 0 && second.channels.is_multiple_of(heads) {
        return Ok(());
    }
    Err(GraphError::Attention { node: node.name.clone(), op: node.op.name(), first, second, heads })
}

#[cfg(test)]
mod tests {
    use isnet_kernels::ConvGeometry;

    use super::*;
    use crate::builder::{ConvSpec, GraphBuilder};

    #[test]
    fn groups_of_a_transposed_convolution_divide_its_channels_on_both_sides() {
        let shape = |input, output, groups| {
            let mut build = GraphBuilder::new(input);
            let image = build.input();
            let geometry = ConvGeometry { stride: [2, 2], groups, ..Default::default() };
            let spec = ConvSpec { geometry, ..ConvSpec::square(input, output, 2) };
            let up = build.conv_transpose("up", image, spec);
            build.finish(up).expect("valid").shapes([3, 5]).map(|shapes| shapes[1])
        };
        assert_eq!(shape(4, 6, 2), Ok(Shape { height: 6, width: 10, channels: 6 }));
        assert_eq!(shape(2, 6, 2), Ok(Shape { height: 6, width: 10, channels: 6 }));
        for (input, output, groups) in [(4, 5, 2), (3, 4, 2), (4, 4, 0)] {
            let refused = shape(input, output, groups).expect_err("channels do not fall into groups");
            assert!(matches!(refused, GraphError::Groups { .. }), "{input}, {output}, {groups}: {refused}");
        }
    }
}
