//! A square picture in picture coordinates: `x` and `y` from −1 (left, top) to 1 (right, bottom), whatever its size.

/// A place or a step in picture coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub x: f32,
    pub y: f32,
}

impl Point {
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    pub fn shifted(self, dx: f32, dy: f32) -> Self {
        Self::new(self.x + dx, self.y + dy)
    }

    pub fn distance(self, other: Self) -> f32 {
        length(self.x - other.x, self.y - other.y)
    }

    /// The distance to the stretch from `a` to `b`.
    pub fn distance_to_segment(self, a: Self, b: Self) -> f32 {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length_squared = (dx * dx + dy * dy).max(1e-12);
        let along = ((self.x - a.x) * dx + (self.y - a.y) * dy) / length_squared;
        let along = along.clamp(0.0, 1.0);
        self.distance(a.shifted(along * dx, along * dy))
    }
}

/// `size` × `size` values, row by row.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    size: usize,
    pub values: Vec<f32>,
}

impl Canvas {
    /// A canvas whose pixel is `value(its centre)`.
    pub fn from_fn(size: usize, mut value: impl FnMut(Point) -> f32) -> Self {
        let values = (0..size * size).map(|pixel| value(center(size, pixel))).collect();
        Self { size, values }
    }

    /// The side of one pixel, in picture coordinates.
    pub fn pixel_side(&self) -> f32 {
        2.0 / self.size as f32
    }

    /// Calls `change(pixel, its centre, its value)` for every pixel.
    pub fn for_each(&mut self, change: impl FnMut(usize, Point, &mut f32)) {
        self.for_each_near(Point::new(0.0, 0.0), 1.0, change);
    }

    /// As [`Self::for_each`], for the pixels of the square of half side `reach` around `middle` only.
    pub fn for_each_near(&mut self, middle: Point, reach: f32, mut change: impl FnMut(usize, Point, &mut f32)) {
        let size = self.size;
        let index = |at: f32| (((at + 1.0) / 2.0 * size as f32).max(0.0) as usize).min(size);
        let rows = index(middle.y - reach)..(index(middle.y + reach) + 1).min(size);
        for row in rows {
            for column in index(middle.x - reach)..(index(middle.x + reach) + 1).min(size) {
                let pixel = row * size + column;
                change(pixel, center(size, pixel), &mut self.values[pixel]);
            }
        }
    }
}

/// `√(x² + y²)`; `f32::hypot` guards against overflow, which nothing here can reach, at five times the price.
pub(super) fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

/// 0 below `from`, 1 above `to`, smooth between them.
pub(super) fn smooth_step(from: f32, to: f32, at: f32) -> f32 {
    let t = ((at - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn center(size: usize, pixel: usize) -> Point {
    let at = |index: usize| (index as f32 + 0.5) / size as f32 * 2.0 - 1.0;
    Point::new(at(pixel % size), at(pixel / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_centres_are_symmetric_around_the_origin() {
        let columns = Canvas::from_fn(4, |at| at.x);
        assert_eq!(columns.values[..4], [-0.75, -0.25, 0.25, 0.75]);
    }

    #[test]
    fn a_visit_near_a_corner_stays_on_the_canvas() {
        let mut canvas = Canvas::from_fn(4, |_| 0.0);
        canvas.for_each_near(Point::new(1.0, 1.0), 0.6, |_, _, value| *value = 1.0);
        assert_eq!(canvas.values.iter().sum::<f32>(), 4.0);
    }

    #[test]
    fn a_segment_ends_where_it_ends() {
        let (a, b) = (Point::new(0.0, 0.0), Point::new(1.0, 0.0));
        assert_eq!(Point::new(0.5, 2.0).distance_to_segment(a, b), 2.0);
        assert_eq!(Point::new(4.0, 4.0).distance_to_segment(a, b), 5.0);
    }
}
