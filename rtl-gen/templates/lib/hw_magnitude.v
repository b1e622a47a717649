// How far a vector is shifted to the right so that its elements have A bits (numerics, section 5): the bits of all magnitudes, one over the
// other. `h` stands from two cycles after the last beat until the same of the next vector.
`include "hw_round.vh"
module hw_magnitude #(
  parameter V = 8,
  parameter BEATS = 8,
  parameter BW = 4,
  parameter IB = 16,
  parameter A = 12
) (
  input clk,
  input rst,
  input in_valid,
  input [V*IB-1:0] in_data,
  output reg [BW-1:0] count,     // of the beat that comes
  output reg full,               // the last beat came
  output reg [4:0] h
);
  `HW_BITLEN(bitlen, IB, 5)
  reg [IB-1:0] mag, beat_mag, x;
  integer l;
  always @(posedge clk) begin
    full <= in_valid && count == BEATS - 1;
    if (in_valid) begin
      beat_mag = (count == 0) ? 0 : mag;
      for (l = 0; l < V; l = l + 1) begin
        x = in_data[l*IB +: IB];
        beat_mag = beat_mag | (x[IB-1] ? -x : x);
      end
      mag <= beat_mag;
      count <= (count == BEATS - 1) ? 0 : count + 1;
    end
    if (full) h <= bitlen(mag >> (A - 1));
    if (rst) begin
      count <= 0; full <= 0; h <= 0;
    end
  end
endmodule
