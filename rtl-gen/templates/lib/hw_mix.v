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
  output reg out_valid,          // a beat is on out_data
  output reg [V*OB-1:0] out_data, // V elements of OB bits, signed, lane 0 lowest
  output reg ovf                 // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  `HW_REQUIRE(K <= E, hw_mix_takes_no_more_than_E)
  localparam SB = IB + 18 + $clog2(K + 1);
  localparam D = `HW_DIGITS(18);
  localparam N = K * D;          // products to add
  `HW_CUT(round, SB, 16, OB)
  `HW_DIGIT(digit, 18)
  reg [OB:0] given;
  reg [V*OB-1:0] beat_given;
  reg clamped;
  reg [LEVELS+1:0] v;            // v[0]: inputs picked; v[1]: products; v[1 + n]: sums of stage n
  reg signed [IB-1:0] x [0:K*V-1];
  reg signed [SB-1:0] s [0:(LEVELS+1)*N*V-1], sum;
  integer l, k, n, i, j, e;
  always @(posedge clk) begin
    v <= {v[LEVELS:0], |in_valid};
    out_valid <= v[LEVELS+1];
    ovf <= 0;
    if (v[LEVELS+1]) begin
      clamped = 0;
      for (l = 0; l < V; l = l + 1) begin
        given = round(s[LEVELS*N*V+l]);
        clamped = clamped | given[OB];
        beat_given[l*OB +: OB] = given[OB-1:0];
      end
      out_data <= beat_given;
      ovf <= clamped;
    end
    for (n = LEVELS; n >= 1; n = n - 1)
      if (v[n])
        for (i = 0; i < ((N + (1 << (3*n)) - 1) >> (3*n)); i = i + 1)
          for (l = 0; l < V; l = l + 1) begin
            sum = (n == LEVELS) ? `HW_HALF(16) : 0;
            for (j = 0; j < 8; j = j + 1)
              if (8*i + j < ((N + (1 << (3*n-3)) - 1) >> (3*n-3))) sum = sum + s[((n-1)*N+8*i+j)*V+l];
            s[(n*N+i)*V+l] = sum;
          end
    if (v[0]) for (k = 0; k < K; k = k + 1)
      for (j = 0; j < D; j = j + 1)
        for (l = 0; l < V; l = l + 1) s[(k*D+j)*V+l] = (x[k*V+l] * digit($signed(weight[k*18 +: 18]), j)) <<< (9*j);
    if (|in_valid) for (k = 0; k < K; k = k + 1) begin
      e = sel[k*IW +: IW];
      for (l = 0; l < V; l = l + 1) x[k*V+l] = in_data[(e*V+l)*IB +: IB];
    end
    if (rst) begin
      v <= 0; out_valid <= 0; ovf <= 0;
    end
  end
endmodule
