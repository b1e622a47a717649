// Mix (numerics, section 10): the chosen experts' outputs, which come together, times their weights, summed.
// First beat out 3 + LEVELS cycles after the first beat in.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_mix #(
  parameter V = 8,               // lanes: elements a beat
  parameter E = 4,               // experts
  parameter K = 2,               // experts chosen for a token
  parameter IW = 2,              // bits of an expert's number
  parameter LEVELS = 1,          // adder stages, eight to one each, over the two digits of K products: ceil(log8 2K), at least 1
  parameter IB = 32,             // bits of an input element
  parameter OB = 32              // bits of an output element
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input [E-1:0] in_valid,        // bit e: a beat of expert e's is on in_data
  input [E*V*IB-1:0] in_data,    // expert e, lane l at e * V + l, IB bits, signed
  input [K*IW-1:0] sel,          // numbers of the chosen experts
  input [K*18-1:0] weight,       // their weights, 18 bits, 16 of them fraction
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,     // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  `HW_REQUIRE(K <= E, hw_mix_takes_no_more_than_E)
  localparam SB = IB + 18 + $clog2(K + 1);
  localparam D = `HW_DIGITS(18);
  localparam N = K * D;          // products to add
  `HW_CUT(round, SB, 16, OB)
  `HW_DIGIT(digit, 18)
  // The inputs of the chosen experts: of expert k, lane l at k * V + l.
  function [K*V*IB-1:0] picked;
    input [E*V*IB-1:0] all;
    input [K*IW-1:0] numbers;
    integer k, l, e;
    for (k = 0; k < K; k = k + 1) begin
      e = numbers[k*IW +: IW];
      for (l = 0; l < V; l = l + 1) picked[(k*V+l)*IB +: IB] = all[(e*V+l)*IB +: IB];
    end
  endfunction
  // Each times the digits of its weight, in the digits' places; lane by lane.
  function [V*N*SB-1:0] products;
    input [K*V*IB-1:0] inputs;
    input [K*18-1:0] weights;
    reg signed [IB-1:0] x;
    reg signed [SB-1:0] product;
    integer k, l, j;
    for (k = 0; k < K; k = k + 1)
      for (l = 0; l < V; l = l + 1) begin
        x = inputs[(k*V+l)*IB +: IB];
        for (j = 0; j < D; j = j + 1) begin
          product = (x * digit($signed(weights[k*18 +: 18]), j)) <<< (9 * j);
          products[(l*N+k*D+j)*SB +: SB] = product;
        end
      end
  endfunction
  `HW_BEAT(rounded, V, OB, input [V*SB-1:0] sums;, round($signed(sums[lane*SB +: SB])))

  reg [LEVELS+1:0] valid_q;      // beats in the stages: inputs picked; products; then their sums
  reg [K*V*IB-1:0] input_q;
  reg [V*N*SB-1:0] product_q;
  wire [V*SB-1:0] sums;
  reg out_valid_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_tree #(.TREES(V), .TERMS(N), .STAGES(LEVELS), .IB(SB), .OB(SB), .START(`HW_HALF(16))) tree (
    .clk(clk), .enable(valid_q[LEVELS:1]), .terms(product_q), .sums(sums));

  always @(posedge clk) begin
    valid_q <= {valid_q[LEVELS:0], |in_valid};
    // The stages, last one first.
    out_valid_q <= valid_q[LEVELS+1];
    ovf_q <= 0;
    if (valid_q[LEVELS+1]) {ovf_q, out_data_q} <= rounded(sums);
    if (valid_q[0]) product_q <= products(input_q, weight);
    if (|in_valid) input_q <= picked(in_data, sel);
    if (rst) begin
      valid_q <= 0; out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
