// Radix-4 Booth product of any two widths: the narrower (or constant) operand is recoded, three-to-two layers, one adder.
(* techmap_celltype = "$mul" *)
module hw_booth (A, B, Y);
  parameter A_SIGNED = 0; parameter B_SIGNED = 0; parameter A_WIDTH = 1; parameter B_WIDTH = 1; parameter Y_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_A_ = 0; parameter _TECHMAP_CONSTMSK_B_ = 0;
  input [A_WIDTH-1:0] A; input [B_WIDTH-1:0] B; output [Y_WIDTH-1:0] Y;
  wire _TECHMAP_FAIL_ = A_SIGNED != B_SIGNED;
  localparam SWAP = (&_TECHMAP_CONSTMSK_B_) ? 0 : (&_TECHMAP_CONSTMSK_A_) ? 1 : (A_WIDTH < B_WIDTH);
  localparam U = A_SIGNED ? 0 : 1;
  localparam M = (SWAP ? B_WIDTH : A_WIDTH) + U;
  localparam K = (SWAP ? A_WIDTH : B_WIDTH) + U;
  localparam N = (K + 1) / 2;
  wire [M-1:0] x;
  wire [2*N:0] b;
  generate
    if (SWAP) begin : s
      assign x = U ? {1'b0, B} : B;
      assign b = {{(2*N-K+1){U ? 1'b0 : A[A_WIDTH-1]}}, A, 1'b0};
    end else begin : n
      assign x = U ? {1'b0, A} : A;
      assign b = {{(2*N-K+1){U ? 1'b0 : B[B_WIDTH-1]}}, B, 1'b0};
    end
  endgenerate
  wire [M+1:0] xx = {x[M-1], x, 1'b0};
  localparam W = M + 2*N + 4;
  // -2^M for each digit, at its place.
  function [W-1:0] signs; input integer n; integer i; begin signs = 0; for (i = 0; i < n; i = i + 1) signs = signs - ({{(W-1){1'b0}}, 1'b1} << (M + 2*i)); end endfunction
  // Rows left after some layers of three-to-two compression.
  function integer rows; input integer layers; integer i; begin rows = N + 1; for (i = 0; i < layers; i = i + 1) rows = 2 * (rows / 3) + rows % 3; end endfunction
  function integer depth; input integer unused; begin depth = 0; while (rows(depth) > 2) depth = depth + 1; end endfunction
  localparam D = depth(0);
  wire [(N+1)*W-1:0] layer [0:D];
  wire [W-1:0] first = signs(N) | ({{(W-1){1'b0}}, b[2*N]} << (2*N-2));
  assign layer[0][N*W +: W] = first;
  genvar i, j;
  generate
    for (i = 0; i < N; i = i + 1) begin : digit
      wire neg = b[2*i+2];
      wire one = b[2*i+1] ^ b[2*i];
      wire two = (b[2*i+2] & ~b[2*i+1] & ~b[2*i]) | (~b[2*i+2] & b[2*i+1] & b[2*i]);
      wire [M:0] p;
      for (j = 0; j <= M; j = j + 1) begin : bit
        assign p[j] = ((one & xx[j+1]) | (two & xx[j])) ^ neg ^ (j == M);
      end
      assign layer[0][i*W +: W] = ({{(W-M-1){1'b0}}, p} << (2*i)) | ((i > 0) ? {{(W-1){1'b0}}, b[2*i]} << (i > 0 ? 2*i-2 : 0) : {W{1'b0}});
    end
    for (i = 0; i < D; i = i + 1) begin : compress
      for (j = 0; j < rows(i) / 3; j = j + 1) begin : three
        wire [W-1:0] c, s;
        \$fa #(.WIDTH(W)) fa (.A(layer[i][3*j*W +: W]), .B(layer[i][(3*j+1)*W +: W]), .C(layer[i][(3*j+2)*W +: W]), .X(c), .Y(s));
        assign layer[i+1][2*j*W +: W] = s;
        assign layer[i+1][(2*j+1)*W +: W] = {c[W-2:0], 1'b0};
      end
      for (j = 0; j < rows(i) % 3; j = j + 1) begin : rest
        assign layer[i+1][(2*(rows(i)/3)+j)*W +: W] = layer[i][(3*(rows(i)/3)+j)*W +: W];
      end
    end
    wire [W-1:0] y;
    if (rows(D) == 2) assign y = layer[D][0 +: W] + layer[D][W +: W]; else assign y = layer[D][0 +: W];
  endgenerate
  assign Y = y;
endmodule
