// Mix (numerics, section 10): the chosen experts' outputs, which come together, times their weights, summed.
// First beat out 3 + LEVELS cycles after the first beat in.
`include "hw_round.vh"
module hw_mix #(
  parameter V = 8,
  parameter E = 4,
  parameter K = 2,
  parameter IW = 2,              // bits of an expert's number
  parameter LEVELS = 1,          // adder stages: eight to one each, two for every expert
  parameter IB = 32,
  parameter OB = 32
) (
  input clk,
  input rst,
  input [E-1:0] in_valid,
  input [E*V*IB-1:0] in_data,    // expert e, lane l at e * V + l
  input [K*IW-1:0] sel,
  input [K*18-1:0] weight,
  output reg out_valid,
  output reg [V*OB-1:0] out_data,
  output reg ovf
);
  localparam SB = IB + 18 + $clog2(K + 1);
  localparam D = `HW_DIGITS(18);
  localparam N = K * D;          // products to add
  `HW_CUT(round, SB, 16, OB)
  `HW_DIGIT(digit, 18)
  `HW_GIVING(V, OB)
  reg [LEVELS+1:0] v;            // v[0]: inputs picked; v[1]: products; v[1 + n]: sums of stage n
  reg signed [IB-1:0] x [0:K*V-1];
  reg signed [SB-1:0] s [0:(LEVELS+1)*N*V-1], sum;
  integer l, k, n, i, j, e;
  always @(posedge clk) begin
    v <= {v[LEVELS:0], |in_valid};
    out_valid <= v[LEVELS+1];
    ovf <= 0;
    if (v[LEVELS+1]) `HW_GIVE(V, OB, round(s[LEVELS*N*V+l]))
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
