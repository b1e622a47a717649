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
  output reg out_valid,          // a beat is on out_data
  output reg [V*OB-1:0] out_data, // V elements of OB bits, signed, lane 0 lowest
  output reg ovf                 // with out_valid: a rotated element was too large for OB bits and was clamped
);
  `HW_REQUIRE(V % 2 == 0, hw_rope_needs_an_even_number_of_lanes)
  `HW_REQUIRE(V % HEAD_DIM == 0 || HEAD_DIM % V == 0, hw_rope_needs_whole_heads_a_beat_or_whole_beats_a_head)
  `HW_REQUIRE(ROTATED <= HEAD_DIM, hw_rope_rotates_no_more_than_a_head)
  // Beats of a head; a beat of several heads has one pattern.
  localparam WORDS = (HEAD_DIM > V) ? HEAD_DIM / V : 1;
  localparam WW = $clog2(WORDS + 1);
  localparam SUM = IB + 17;
  localparam D = `HW_DIGITS(16);
  `HW_CUT(round, SUM, 14, OB)
  `HW_DIGIT(digit, 16)
  reg [WW-1:0] at;
  reg v1, v2, v3;
  reg signed [IB-1:0] x1 [0:V-1], x2 [0:V-1], x3 [0:V-1];
  reg signed [15:0] sin1 [0:V/2-1], cos1 [0:V/2-1];
  reg turn1 [0:V/2-1], turn2 [0:V/2-1], turn3 [0:V/2-1];
  reg signed [IB+9:0] xc [0:V/2*D-1], ys [0:V/2*D-1], xs [0:V/2*D-1], yc [0:V/2*D-1]; // products with each digit
  reg signed [SUM-1:0] s0 [0:V/2-1], s1 [0:V/2-1], sum0, sum1;
  reg [OB:0] r0, r1;
  reg [V*OB-1:0] y;
  reg clamped;
  integer p, n, j;

  always @(posedge clk) begin
    v1 <= in_valid;
    v2 <= v1;
    v3 <= v2;
    out_valid <= v3;
    ovf <= 0;
    if (v3) begin
      clamped = 0;
      for (p = 0; p < V/2; p = p + 1) begin
        r0 = round(s0[p]);
        r1 = round(s1[p]);
        clamped = clamped | (turn3[p] && (r0[OB] || r1[OB]));
        y[2*p*OB +: OB] = turn3[p] ? $signed(r0[OB-1:0]) : x3[2*p];
        y[(2*p+1)*OB +: OB] = turn3[p] ? $signed(r1[OB-1:0]) : x3[2*p+1];
      end
      out_data <= y;
      ovf <= clamped;
    end
    if (v2) for (p = 0; p < V/2; p = p + 1) begin
      sum0 = `HW_HALF(14);
      sum1 = `HW_HALF(14);
      for (j = 0; j < D; j = j + 1) begin
        sum0 = sum0 + (xc[p*D+j] <<< (9*j)) - (ys[p*D+j] <<< (9*j));
        sum1 = sum1 + (xs[p*D+j] <<< (9*j)) + (yc[p*D+j] <<< (9*j));
      end
      s0[p] = sum0;
      s1[p] = sum1;
      turn3[p] = turn2[p];
      x3[2*p] = x2[2*p];
      x3[2*p+1] = x2[2*p+1];
    end
    if (v1) for (p = 0; p < V/2; p = p + 1) begin
      for (j = 0; j < D; j = j + 1) begin
        xc[p*D+j] = x1[2*p] * digit(cos1[p], j);
        ys[p*D+j] = x1[2*p+1] * digit(sin1[p], j);
        xs[p*D+j] = x1[2*p] * digit(sin1[p], j);
        yc[p*D+j] = x1[2*p+1] * digit(cos1[p], j);
      end
      turn2[p] = turn1[p];
      x2[2*p] = x1[2*p];
      x2[2*p+1] = x1[2*p+1];
    end
    if (in_valid) begin
      for (p = 0; p < V/2; p = p + 1) begin
        n = (WORDS == 1) ? p % (HEAD_DIM / 2) : at * (V / 2) + p;
        turn1[p] = n < ROTATED / 2;
        if (n >= PAIRS) n = PAIRS - 1;
        sin1[p] = rotation[n*32+16 +: 16];
        cos1[p] = rotation[n*32 +: 16];
        x1[2*p] = in_data[2*p*IB +: IB];
        x1[2*p+1] = in_data[(2*p+1)*IB +: IB];
      end
      at <= (at == WORDS - 1) ? 0 : at + 1;
    end
    if (rst) begin
      at <= 0; v1 <= 0; v2 <= 0; v3 <= 0; out_valid <= 0; ovf <= 0;
    end
  end
endmodule
