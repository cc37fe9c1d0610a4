//! A graph as a table for people.

use std::fmt;

use crate::error::GraphError;
use crate::graph::{Graph, Node};
use crate::op::Op;
use crate::shape::Shape;

/// Shapes, parameters and multiply-adds of every node for one image size.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// One row per node.
    pub rows: Vec<SummaryRow>,
}

/// A node in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryRow {
    /// Name of the node.
    pub name: String,
    /// Its operation.
    pub op: &'static str,
    /// Shape of its output.
    pub output: Shape,
    /// Trainable values.
    pub params: usize,
    /// Multiply-adds for one image.
    pub multiply_adds: usize,
}

impl Summary {
    /// Trainable values of the whole graph.
    pub fn params(&self) -> usize {
        self.rows.iter().map(|row| row.params).sum()
    }

    /// Multiply-adds of the whole graph for one image.
    pub fn multiply_adds(&self) -> usize {
        self.rows.iter().map(|row| row.multiply_adds).sum()
    }
}

impl Graph {
    /// Counts what the graph holds and does for images of `[H, W]`.
    ///
    /// # Errors
    /// [`GraphError`] if the graph cannot take such images.
    pub fn summary(&self, image_size: [usize; 2]) -> Result<Summary, GraphError> {
        let shapes = self.shapes(image_size)?;
        let row = |(node, output): (&Node, &Shape)| SummaryRow {
            name: node.name.clone(),
            op: node.op.name(),
            output: *output,
            params: self.trainable_values(node),
            multiply_adds: self.multiply_adds(node, *output, &shapes),
        };
        Ok(Summary { rows: self.nodes.iter().zip(&shapes).map(row).collect() })
    }

    fn trainable_values(&self, node: &Node) -> usize {
        let specs = node.op.params().into_iter().map(|id| self.param(id));
        specs.filter(|spec| spec.role.is_trainable()).map(|spec| spec.len()).sum()
    }

    fn multiply_adds(&self, node: &Node, output: Shape, shapes: &[Shape]) -> usize {
        match &node.op {
            Op::Conv(conv) => self.param(conv.weight).len() * output.height * output.width,
            // Each input pixel meets the whole kernel, and the convolution brings the output back to the size of the input.
            Op::ConvTranspose(conv) => {
                let weight = self.param(conv.weight);
                let input = conv.geometry.output_size(output.size(), [weight.shape[2], weight.shape[3]]);
                weight.len() * input.map_or(0, |[height, width]| height * width)
            }
            Op::Dense(dense) => self.param(dense.weight).len() * output.width,
            // Every pair of tokens, over all channels.
            Op::AttentionScores { .. } | Op::AttentionSums => {
                let second = shapes[node.inputs[1].index()];
                output.width * second.width * second.channels
            }
            // Not products: what these cost is small beside them.
            Op::Input
            | Op::BatchNorm(_)
            | Op::Relu
            | Op::Sigmoid
            | Op::Threshold(_)
            | Op::SpatialShare(_)
            | Op::Interpolate
            | Op::Gate
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::AdaptiveAveragePool(_)
            | Op::LogSumExpPool(_)
            | Op::Add
            | Op::Concat
            | Op::Flatten
            | Op::Dropout(_)
            | Op::Identity
            | Op::Softmax
            | Op::LayerNorm(_)
            | Op::Gelu
            | Op::Tokens(_)
            | Op::SelectToken(_)
            | Op::NarrowChannels { .. } => 0,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(4).max(4);
        writeln!(
            f,
            "{:width$}  {:21}  {:>14}  {:>12}  {:>14}",
            "node", "operation", "output", "parameters", "multiply-adds"
        )?;
        for row in &self.rows {
            let output = row.output.to_string();
            writeln!(
                f,
                "{:width$}  {:21}  {output:>14}  {:>12}  {:>14}",
                row.name,
                row.op,
                grouped(row.params),
                grouped(row.multiply_adds)
            )?;
        }
        write!(
            f,
            "{:width$}  {:21}  {:>14}  {:>12}  {:>14}",
            "total",
            "",
            "",
            grouped(self.params()),
            grouped(self.multiply_adds())
        )
    }
}

/// `1234567` as `1,234,567`; zero as nothing.
fn grouped(number: usize) -> String {
    if number == 0 {
        return String::new();
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
