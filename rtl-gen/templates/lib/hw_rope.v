// Rope (numerics, section 7): rotates neighbouring pairs. First beat out 4 cycles after the first beat in.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_rope #(
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a vector
  parameter HEAD_DIM = 8,        // elements of a head
  parameter ROTATED = 8,         // elements of a head that are rotated, its first
  parameter IB = 16,             // bits of an input element
  parameter OB = 16,             // bits of an output element
  parameter PAIRS = 4            // pairs of this unit's table
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input [PAIRS*32-1:0] rotation, // sine and, below it, cosine of each pair, 16 bits each, signed, 14 of them fraction
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: a rotated element was too large for OB bits and was clamped
);
  `HW_REQUIRE(V % 2 == 0, hw_rope_needs_an_even_number_of_lanes)
  `HW_REQUIRE(V % HEAD_DIM == 0 || HEAD_DIM % V == 0, hw_rope_needs_whole_heads_a_beat_or_whole_beats_a_head)
  `HW_REQUIRE(ROTATED <= HEAD_DIM, hw_rope_rotates_no_more_than_a_head)
  // Beats of a head; a beat of several heads has one pattern.
  localparam WORDS = (HEAD_DIM > V) ? HEAD_DIM / V : 1;
  localparam WW = $clog2(WORDS + 1);
  localparam SUM = IB + 17;
  localparam PB = `HW_PARTS(IB, 16);
  `HW_CUT(round, SUM, 14, OB)
  `HW_PRODUCTS(products, IB, 16)
  `HW_PRODUCT_SUM(half_and, IB, 16, SUM, `HW_HALF(14))
  `HW_PRODUCT_SUM(sum_of, IB, 16, SUM, 0)

  function [OB:0] kept;
    input signed [OB-1:0] element;
    kept = {1'b0, element};
  endfunction
  // Pair of the table that turns pair `p` of a head's beat `word`.
  function integer pair_of;
    input integer word, p;
    pair_of = (WORDS == 1) ? p % (HEAD_DIM / 2) : word * (V / 2) + p;
  endfunction

  // A pair's sums where it is turned, else its elements.
  `HW_BEAT(turned, V, OB, input [V*SUM-1:0] sums; input [V*IB-1:0] beat; input [V/2-1:0] turn;,
    turn[lane/2] ? round($signed(sums[lane*SUM +: SUM])) : kept($signed(beat[lane*IB +: IB])))

  reg [WW-1:0] at_q;             // beat of the head that comes next
  reg [3:1] valid_q;             // beats in the stages: rotation picked; products with each digit; sums
  wire [3:0] valid = {valid_q, in_valid};
  reg [V*IB-1:0] beat_q;         // of stage 1
  wire [V*IB-1:0] beat3;         // of stage 3
  reg [3*V/2-1:0] turn_q;        // which pairs of them are turned
  reg [V*16-1:0] rotation_q;     // of each pair the sine and, below it, the cosine
  // Element times cosine, the other of its pair times sine.
  reg [V*PB-1:0] straight_q, crossed_q;
  reg [V*SUM-1:0] sums_q;
  reg out_valid_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_delay #(.WIDTH(V*IB), .STAGES(2)) delay (.clk(clk), .enable(valid[2:1]), .in_data(beat_q), .out_data(beat3));

  integer p, l;
  always @(posedge clk) begin
    valid_q <= valid[2:0];
    // The stages, last one first.
    out_valid_q <= valid[3];
    ovf_q <= 0;
    if (valid[3]) {ovf_q, out_data_q} <= turned(sums_q, beat3, turn_q[V +: V/2]);
    if (valid[2]) begin
      turn_q[V +: V/2] <= turn_q[V/2 +: V/2];
      for (l = 0; l < V; l = l + 1)
        sums_q[l*SUM +: SUM] <= (l % 2 == 0) ? half_and(straight_q[l*PB +: PB]) - sum_of(crossed_q[l*PB +: PB])
          : half_and(straight_q[l*PB +: PB]) + sum_of(crossed_q[l*PB +: PB]);
    end
    if (valid[1]) begin
      turn_q[V/2 +: V/2] <= turn_q[0 +: V/2];
      for (l = 0; l < V; l = l + 1) begin
        straight_q[l*PB +: PB] <= products($signed(beat_q[l*IB +: IB]), $signed(rotation_q[(l/2)*32 +: 16]));
        crossed_q[l*PB +: PB] <= products($signed(beat_q[(l^1)*IB +: IB]), $signed(rotation_q[(l/2)*32+16 +: 16]));
      end
    end
    if (in_valid) begin
      beat_q <= in_data;
      for (p = 0; p < V/2; p = p + 1) begin
        turn_q[p] <= pair_of(at_q, p) < ROTATED / 2;
        rotation_q[p*32 +: 32] <= rotation[((pair_of(at_q, p) >= PAIRS) ? PAIRS - 1 : pair_of(at_q, p))*32 +: 32];
      end
      at_q <= (at_q == WORDS - 1) ? 0 : at_q + 1;
    end
    if (rst) begin
      at_q <= 0; valid_q <= 0; out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
