// How far a vector is shifted to the right so that its elements have A bits (numerics, section 5): the bits of all magnitudes, one over the
// other. `h` stands from two cycles after the last beat until the same of the next vector.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_magnitude #(
  parameter V = 8,               // lanes: elements a beat
  parameter BEATS = 8,           // beats of a vector: LEN / V, rounded up
  parameter BW = 4,              // bits of a beat number
  parameter IB = 16,             // bits of an input element
  parameter A = 12               // bits that the elements are shifted down to
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output reg [BW-1:0] count,     // number of the beat that comes next
  output reg full,               // the last beat came in the cycle before
  output reg [4:0] h             // shift to the right after which the vector's elements have A bits
);
  `HW_REQUIRE(IB < 128, hw_magnitude_takes_elements_of_up_to_127_bits)
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
