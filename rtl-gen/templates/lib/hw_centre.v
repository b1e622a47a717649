// A vector less its mean (numerics, section 4, LayerNorm). First beat out BEATS + 4 + TREE cycles after the first beat in.
`include "hw_round.vh"
module hw_centre #(
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a vector
  parameter IB = 32,             // bits of an input element
  parameter [19:0] MANTISSA = 1, // 1 / LEN = MANTISSA * 2^-SHIFT
  parameter SHIFT = 19,          // see MANTISSA
  parameter TREE = 1             // adder stages of a beat's lanes, eight to one each: ceil(log8 V), at least 1
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output out_valid,              // a beat is on out_data
  output [V*32-1:0] out_data,    // V elements of 32 bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element was too large for 32 bits and was clamped
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam SB = IB + $clog2(LEN + V) + 1;
  localparam MB = IB + 2;        // bits of the mean
  `HW_CUT(round, SB + 21, SHIFT, MB)
  `HW_CLAMP(clamp, MB + 1, 32)
  `HW_PRODUCTS(by_mantissa, SB, 21)
  `HW_PRODUCT_SUM(mean_of, SB, 21, SB + 21, `HW_HALF(SHIFT))
  // Zero past the vector's end.
  `HW_BEAT(centred, V, 32, input [V*IB-1:0] beat; input signed [MB-1:0] mean; input [BW-1:0] at;,
    (at * V + lane < LEN) ? clamp($signed(beat[lane*IB +: IB]) - mean) : 33'd0)
  function signed [MB-1:0] rounded;
    input signed [SB+20:0] x;
    reg [MB:0] r;
    begin
      r = round(x);
      rounded = r[MB-1:0];
    end
  endfunction

  reg [BW-1:0] count_q, read_q, played_q;
  reg [TREE:1] valid_q, last_q;
  wire [TREE:0] valid = {valid_q, in_valid};
  wire [TREE:0] last = {last_q, in_valid && count_q == BEATS - 1};
  reg fresh_q, summed_q, multiplied_q, playing_q, word_q;
  reg signed [SB-1:0] sum_q;
  reg [`HW_PARTS(SB, 21)-1:0] products_q;
  reg signed [MB-1:0] mean_q;
  reg out_valid_q, ovf_q;
  reg [V*32-1:0] out_data_q;
  wire signed [SB-1:0] beat_sum;
  wire [V*IB-1:0] x;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count_q), .wdata(in_data), .re(playing_q), .raddr(read_q), .rdata(x));
  hw_tree #(.TERMS(V), .STAGES(TREE), .IB(IB), .OB(SB)) tree (
    .clk(clk), .enable(valid[TREE-1:0]), .terms(in_data), .sums(beat_sum));

  always @(posedge clk) begin
    valid_q <= valid[TREE-1:0];
    last_q <= last[TREE-1:0];
    if (in_valid) count_q <= (count_q == BEATS - 1) ? 0 : count_q + 1;
    // The vector once more, last stage first.
    out_valid_q <= word_q;
    ovf_q <= 0;
    if (word_q) {ovf_q, out_data_q} <= centred(x, mean_q, played_q);
    word_q <= playing_q;
    played_q <= read_q;
    if (playing_q) read_q <= (read_q == BEATS - 1) ? 0 : read_q + 1;
    playing_q <= multiplied_q || (playing_q && read_q != BEATS - 1);
    // The mean, last stage first.
    if (multiplied_q) mean_q <= rounded(mean_of(products_q));
    multiplied_q <= summed_q;
    if (summed_q) products_q <= by_mantissa(sum_q, $signed({1'b0, MANTISSA}));
    summed_q <= last[TREE];
    if (valid[TREE]) begin
      sum_q <= (fresh_q ? 0 : sum_q) + beat_sum;
      fresh_q <= last[TREE];
    end
    if (rst) begin
      count_q <= 0; read_q <= 0; valid_q <= 0; last_q <= 0; summed_q <= 0; multiplied_q <= 0; playing_q <= 0; word_q <= 0; fresh_q <= 1;
      out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
