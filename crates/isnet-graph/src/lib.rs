//! The model as data: a graph of operations with named parameters.
//!
//! A [`Graph`] is a list of [`Node`]s in an order in which it can run. Forward, relevance, summary, import and export walk the
//! same nodes; nothing else knows an architecture. Activations are `[N, H, W, C]`; a flat one is `[N, 1, 1, C]`.
//!
//! # Example
//! ```
//! use isnet_graph::{ConvSpec, GraphBuilder, Mode, Params};
//! use burn::tensor::{Device, Tensor};
//!
//! let mut build = GraphBuilder::new(1);
//! let x = build.input();
//! let x = build.conv("conv", x, ConvSpec::square(1, 4, 3).padded(1).biased());
//! let x = build.relu("relu", x);
//! let x = build.adaptive_average_pool("pool", x, [1, 1]);
//! let x = build.flatten("flatten", x);
//! let logits = build.dense("fc", x, 4, 2);
//! let graph = build.finish(logits)?;
//!
//! let params = Params::initialize(&graph, 7, &Device::flex());
//! let image = Tensor::<4>::ones([3, 8, 8, 1], &Device::flex());
//! let trace = graph.forward(&params, image, Mode::Evaluate);
//! assert_eq!(trace.logits().dims(), [3, 2]);
//! # Ok::<(), isnet_graph::GraphError>(())
//! ```

pub mod bounds;
pub mod builder;
pub mod error;
pub mod execute;
mod fusion;
pub mod graph;
pub mod init;
pub mod op;
pub mod params;
pub mod predictor;
pub mod shape;
pub mod summary;

pub use builder::{ConvSpec, GraphBuilder};
pub use error::GraphError;
pub use execute::{Mode, Part, Trace, attention_scale};
pub use graph::{Graph, Node, NodeId};
pub use init::Init;
pub use op::{AveragePoolWindow, BatchNorm, Conv, Dense, LayerNorm, Op, Sharing, Tokens};
pub use params::{ParamId, ParamRole, ParamSpec, Params};
pub use predictor::Predictor;
pub use shape::Shape;
pub use summary::{Summary, SummaryRow};

pub use isnet_kernels::{ConvGeometry, MaxPoolGeometry};
