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
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  `HW_REQUIRE(K <= E, hw_mix_takes_no_more_than_E)
  localparam SB = IB + 18 + $clog2(K + 1);
  localparam D = `HW_DIGITS(18);
  localparam PB = IB + 10;       // bits of a product with a digit
  localparam TB = PB + 9 * (D - 1); // of one in its place
  `HW_CUT(round, SB, 16, OB)
  `HW_PRODUCTS(by_weight, IB, 18)
  // Digit `j` of the products, in its place.
  function signed [TB-1:0] placed;
    input [D*PB-1:0] products;
    input integer j;
    placed = $signed(products[j*PB +: PB]) <<< (9 * j);
  endfunction
  `HW_BEAT(rounded, V, OB, input [V*SB-1:0] sums;, round($signed(sums[lane*SB +: SB])))

  reg [LEVELS+1:0] valid_q;      // beats in the stages: inputs picked; products; then the sums
  reg [K*V*IB-1:0] input_q;      // of the chosen expert k, lane l at k * V + l
  reg [V*K*D*TB-1:0] product_q;  // lane by lane
  wire [V*SB-1:0] sums;
  reg out_valid_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_tree #(.TREES(V), .TERMS(K*D), .STAGES(LEVELS), .IB(TB), .OB(SB), .START(`HW_HALF(16))) tree (
    .clk(clk), .enable(valid_q[LEVELS:1]), .terms(product_q), .sums(sums));

  integer k, l, j;
  always @(posedge clk) begin
    valid_q <= {valid_q[LEVELS:0], |in_valid};
    // The stages, last one first.
    out_valid_q <= valid_q[LEVELS+1];
    ovf_q <= 0;
    if (valid_q[LEVELS+1]) {ovf_q, out_data_q} <= rounded(sums);
    if (valid_q[0]) for (k = 0; k < K; k = k + 1)
      for (l = 0; l < V; l = l + 1)
        for (j = 0; j < D; j = j + 1)
          product_q[((l*K+k)*D+j)*TB +: TB] <= placed(by_weight($signed(input_q[(k*V+l)*IB +: IB]), $signed(weight[k*18 +: 18])), j);
    if (|in_valid) for (k = 0; k < K; k = k + 1)
      for (l = 0; l < V; l = l + 1) input_q[(k*V+l)*IB +: IB] <= in_data[(sel[k*IW +: IW]*V+l)*IB +: IB];
    if (rst) begin
      valid_q <= 0; out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
