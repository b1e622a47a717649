//! egui's triangles become pixels on the CPU, so that screenshots, exports and golden images need neither window nor GPU and
//! come out the same on every machine. Blending is what egui's own painters do: premultiplied alpha in gamma space.

use egui::epaint::{ClippedPrimitive, ImageData, Mesh, Primitive, Vertex};
use egui::{Color32, TextureFilter, TextureId, TexturesDelta};
use std::collections::HashMap;

struct Texture {
    size: [usize; 2],
    pixels: Vec<Color32>,
    nearest: bool,
}

/// An image of premultiplied pixels, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Color32>,
}

/// Holds the textures that egui has handed over.
#[derive(Default)]
pub struct Rasteriser {
    textures: HashMap<TextureId, Texture>,
}

impl Rasteriser {
    pub fn apply(&mut self, delta: &mut TexturesDelta) {
        for (id, parts) in delta.set.drain() {
            for part in parts {
                let ImageData::Color(image) = &part.image;
                match part.pos {
                    None => {
                        let nearest = part.options.magnification == TextureFilter::Nearest;
                        self.textures.insert(id, Texture { size: image.size, pixels: image.pixels.clone(), nearest });
                    }
                    Some([x, y]) => {
                        if let Some(t) = self.textures.get_mut(&id) {
                            for row in 0..image.size[1] {
                                let from = &image.pixels[row * image.size[0]..][..image.size[0]];
                                t.pixels[(y + row) * t.size[0] + x..][..image.size[0]].copy_from_slice(from);
                            }
                        }
                    }
                }
            }
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    /// Paints `primitives` over `background`; positions are in points of `pixels_per_point` pixels.
    pub fn paint(&self, width: usize, height: usize, pixels_per_point: f32, background: Color32, primitives: &[ClippedPrimitive]) -> Image {
        let mut image = Image { width, height, pixels: vec![background; width * height] };
        for p in primitives {
            let Primitive::Mesh(mesh) = &p.primitive else { continue };
            let Some(texture) = self.textures.get(&mesh.texture_id) else { continue };
            let edge = |v: f32, max: usize| (v * pixels_per_point).round().clamp(0.0, max as f32) as usize;
            let clip = [
                edge(p.clip_rect.min.x, width),
                edge(p.clip_rect.min.y, height),
                edge(p.clip_rect.max.x, width),
                edge(p.clip_rect.max.y, height),
            ];
            if clip[0] < clip[2] && clip[1] < clip[3] {
                image.mesh(mesh, texture, clip, pixels_per_point);
            }
        }
        image
    }
}

impl Image {
    fn mesh(&mut self, mesh: &Mesh, texture: &Texture, clip: [usize; 4], scale: f32) {
        for t in mesh.indices.chunks_exact(3) {
            let v = [t[0], t[1], t[2]].map(|i| mesh.vertices[i as usize]);
            self.triangle(v, texture, clip, scale);
        }
    }

    fn triangle(&mut self, mut v: [Vertex; 3], texture: &Texture, clip: [usize; 4], scale: f32) {
        for v in &mut v {
            v.pos = (v.pos.to_vec2() * scale).to_pos2();
        }
        let area = cross(&v[0], &v[1], v[2].pos.x, v[2].pos.y);
        if area == 0.0 || !area.is_finite() {
            return;
        }
        if area < 0.0 {
            v.swap(1, 2);
        }
        let inverse = 1.0 / area.abs();
        let min = |f: fn(&Vertex) -> f32, lo: usize| v.iter().map(f).fold(f32::MAX, f32::min).floor().max(lo as f32) as usize;
        let max = |f: fn(&Vertex) -> f32, hi: usize| (v.iter().map(f).fold(f32::MIN, f32::max).ceil().max(0.0) as usize).min(hi);
        let (x0, x1) = (min(|v| v.pos.x, clip[0]), max(|v| v.pos.x, clip[2]));
        let (y0, y1) = (min(|v| v.pos.y, clip[1]), max(|v| v.pos.y, clip[3]));
        // A pixel on an edge that two triangles share belongs to one of them: the one for which the edge is top or left.
        let owns = [(1, 2), (2, 0), (0, 1)].map(|(a, b)| {
            let (dx, dy) = (v[b].pos.x - v[a].pos.x, v[b].pos.y - v[a].pos.y);
            dy < 0.0 || (dy == 0.0 && dx > 0.0)
        });
        let flat = (v[0].color == v[1].color && v[1].color == v[2].color).then_some(v[0].color);
        // More texels than pixels: mixed, as the window's painter does when it makes a texture smaller.
        let texels = uv_area(&v).abs() * (texture.size[0] * texture.size[1]) as f32;
        let nearest = texture.nearest && texels <= area.abs() * 1.01;
        let still = (v[0].uv == v[1].uv && v[1].uv == v[2].uv).then(|| texture.sample(v[0].uv.x, v[0].uv.y, nearest));
        for y in y0..y1 {
            let py = y as f32 + 0.5;
            for x in x0..x1 {
                let px = x as f32 + 0.5;
                let w = [cross(&v[1], &v[2], px, py), cross(&v[2], &v[0], px, py), cross(&v[0], &v[1], px, py)];
                if (0..3).any(|i| w[i] < 0.0 || (w[i] == 0.0 && !owns[i])) {
                    continue;
                }
                let w = w.map(|w| w * inverse);
                let colour = flat.unwrap_or_else(|| blend3(&v, w));
                let texel = still.unwrap_or_else(|| {
                    let u = w[0] * v[0].uv.x + w[1] * v[1].uv.x + w[2] * v[2].uv.x;
                    let t = w[0] * v[0].uv.y + w[1] * v[1].uv.y + w[2] * v[2].uv.y;
                    texture.sample(u, t, nearest)
                });
                let at = &mut self.pixels[y * self.width + x];
                *at = over(multiply(colour, texel), *at);
            }
        }
    }

    /// Writes a PNG of 8-bit RGB.
    pub fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        let bytes: Vec<u8> = self.pixels.iter().flat_map(|c| [c.r(), c.g(), c.b()]).collect();
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(out)
    }
}

impl Texture {
    fn at(&self, x: i64, y: i64) -> Color32 {
        let x = x.clamp(0, self.size[0] as i64 - 1) as usize;
        let y = y.clamp(0, self.size[1] as i64 - 1) as usize;
        self.pixels[y * self.size[0] + x]
    }

    fn sample(&self, u: f32, v: f32, nearest: bool) -> Color32 {
        let (x, y) = (u * self.size[0] as f32, v * self.size[1] as f32);
        if nearest {
            return self.at(x.floor() as i64, y.floor() as i64);
        }
        let (x, y) = (x - 0.5, y - 0.5);
        let (fx, fy) = (x - x.floor(), y - y.floor());
        let (x, y) = (x.floor() as i64, y.floor() as i64);
        let (a, b, c, d) = (self.at(x, y), self.at(x + 1, y), self.at(x, y + 1), self.at(x + 1, y + 1));
        if a == b && b == c && c == d {
            return a;
        }
        let mix = |i: usize| {
            let [a, b, c, d] = [a, b, c, d].map(|p| f32::from(p.to_array()[i]));
            ((a * (1.0 - fx) + b * fx) * (1.0 - fy) + (c * (1.0 - fx) + d * fx) * fy).round() as u8
        };
        Color32::from_rgba_premultiplied(mix(0), mix(1), mix(2), mix(3))
    }
}

/// Twice the signed area of `a`, `b` and the point: positive inside a triangle that turns clockwise on screen.
fn cross(a: &Vertex, b: &Vertex, x: f32, y: f32) -> f32 {
    (b.pos.x - a.pos.x) * (y - a.pos.y) - (b.pos.y - a.pos.y) * (x - a.pos.x)
}

/// Twice the signed area in the texture's own coordinates.
fn uv_area(v: &[Vertex; 3]) -> f32 {
    (v[1].uv.x - v[0].uv.x) * (v[2].uv.y - v[0].uv.y) - (v[1].uv.y - v[0].uv.y) * (v[2].uv.x - v[0].uv.x)
}

fn blend3(v: &[Vertex; 3], w: [f32; 3]) -> Color32 {
    let c = v.map(|v| v.color.to_array());
    let mix = |i: usize| (w[0] * f32::from(c[0][i]) + w[1] * f32::from(c[1][i]) + w[2] * f32::from(c[2][i])).round() as u8;
    Color32::from_rgba_premultiplied(mix(0), mix(1), mix(2), mix(3))
}

fn multiply(a: Color32, b: Color32) -> Color32 {
    if b == Color32::WHITE {
        return a;
    }
    let (a, b) = (a.to_array(), b.to_array());
    let m = |i: usize| ((u32::from(a[i]) * u32::from(b[i]) + 127) / 255) as u8;
    Color32::from_rgba_premultiplied(m(0), m(1), m(2), m(3))
}

fn over(top: Color32, under: Color32) -> Color32 {
    match top.a() {
        255 => top,
        0 if top == Color32::TRANSPARENT => under,
        a => {
            let (t, u) = (top.to_array(), under.to_array());
            let keep = 255 - u32::from(a);
            let m = |i: usize| (u32::from(t[i]) + (u32::from(u[i]) * keep + 127) / 255).min(255) as u8;
            Color32::from_rgba_premultiplied(m(0), m(1), m(2), m(3))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Rect, pos2};

    #[test]
    fn half_transparent_halves_cover_every_pixel_once() {
        let mut raster = Rasteriser::default();
        let white = egui::ColorImage::filled([1, 1], Color32::WHITE);
        let mut delta = TexturesDelta::default();
        delta.push(TextureId::default(), egui::epaint::ImageDelta::full(white, egui::TextureOptions::NEAREST));
        raster.apply(&mut delta);
        let colour = Color32::from_rgba_premultiplied(100, 0, 0, 128);
        // A quadrangle of two triangles whose shared edge runs through pixel centres.
        let mut mesh = Mesh::default();
        mesh.add_colored_rect(Rect::from_min_max(pos2(1.0, 1.0), pos2(9.0, 9.0)), colour);
        let clip_rect = Rect::from_min_max(pos2(0.0, 0.0), pos2(10.0, 8.0));
        let image = raster.paint(10, 10, 1.0, Color32::BLACK, &[ClippedPrimitive { clip_rect, primitive: Primitive::Mesh(mesh) }]);
        for y in 0..10 {
            for x in 0..10 {
                let inside = (1..9).contains(&x) && (1..8).contains(&y);
                assert_eq!(image.pixels[y * 10 + x].r(), if inside { 100 } else { 0 }, "{x},{y}");
            }
        }
        let png = image.png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut back = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut back).unwrap();
        assert_eq!(&back[3 * 11..3 * 12], &[100, 0, 0]);
    }
}
