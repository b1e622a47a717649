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
  output [BW-1:0] count,         // number of the beat that comes next
  output full,                   // the last beat came in the cycle before
  output [4:0] h                 // shift to the right after which the vector's elements have A bits
);
  `HW_REQUIRE(IB < 128, hw_magnitude_takes_elements_of_up_to_127_bits)
  `HW_BITLEN(bitlen, IB, 5)
  // The bits of a beat's magnitudes, one over the other.
  function [IB-1:0] magnitudes;
    input [V*IB-1:0] beat;
    reg [IB-1:0] x;
    integer l;
    begin
      magnitudes = 0;
      for (l = 0; l < V; l = l + 1) begin
        x = beat[l*IB +: IB];
        magnitudes = magnitudes | (x[IB-1] ? -x : x);
      end
    end
  endfunction
  reg [BW-1:0] count_q;
  reg full_q;
  reg [IB-1:0] magnitude_q;
  reg [4:0] h_q;
  wire last = count_q == BEATS - 1;
  assign count = count_q;
  assign full = full_q;
  assign h = h_q;
  always @(posedge clk) begin
    if (full_q) h_q <= bitlen(magnitude_q >> (A - 1));
    full_q <= in_valid && last;
    if (in_valid) begin
      magnitude_q <= magnitudes(in_data) | ((count_q == 0) ? {IB{1'b0}} : magnitude_q);
      count_q <= last ? 0 : count_q + 1;
    end
    if (rst) begin
      count_q <= 0; full_q <= 0; h_q <= 0;
    end
  end
endmodule
