// How synth.py maps arithmetic to ASAP7: the library's full adder for carry-save layers and short carry chains, radix-4 Booth products.
// Sums of up to 4 bits, and those of exactly `CHAIN bits, are carry chains of full adders; others are the mapper's prefix adders.

// The full adder inverts both outputs and is self-dual: every other bit takes inverted operands and the inverted carry.
(* techmap_celltype = "$alu" *)
module ripple_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0; parameter B_SIGNED = 0; parameter A_WIDTH = 1; parameter B_WIDTH = 1; parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A; input [B_WIDTH-1:0] B; input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  wire _TECHMAP_FAIL_ = (Y_WIDTH > 4 && Y_WIDTH != `CHAIN) || Y_WIDTH < 3 || A_WIDTH == 0 || B_WIDTH == 0;
  wire [Y_WIDTH-1:0] AA, BB0;
  generate if (A_WIDTH > 0 && B_WIDTH > 0) begin : extend
    \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) ea (.A(A), .Y(AA));
    \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) eb (.A(B), .Y(BB0));
  end endgenerate
  wire [Y_WIDTH-1:0] BB = BI ? ~BB0 : BB0;
  assign X = AA ^ BB;
  // A chain of 16 bits and more is two: the upper starts without a carry and takes that of the lower one at its end.
  localparam LOW = (Y_WIDTH < 16) ? Y_WIDTH : (Y_WIDTH + 1) / 2;
  wire [Y_WIDTH-1:0] sum, carry;
  wire [Y_WIDTH:LOW] ones;
  assign ones[LOW] = 1'b1;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bit
    wire ci;
    if (i == 0) assign ci = CI; else if (i == LOW) assign ci = 1'b0; else assign ci = carry[i-1];
    hw_chain_bit #(.ODD(i % 2)) one (.a(AA[i]), .b(BB[i]), .c(ci), .co(carry[i]), .s(sum[i]));
    if (i < LOW) begin : low
      assign Y[i] = sum[i];
      assign CO[i] = carry[i];
    end else begin : high
      assign ones[i+1] = ones[i] & sum[i];
      assign Y[i] = sum[i] ^ (ones[i] & carry[LOW-1]);
      assign CO[i] = carry[i] | (ones[i+1] & carry[LOW-1]);
    end
  end endgenerate
endmodule

// Wide sums (no differences and comparisons) of which at most a quarter of the operands' bits is constant, low zeros left out: nothing is added there.
(* techmap_celltype = "$alu" *)
module prefix_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0; parameter B_SIGNED = 0; parameter A_WIDTH = 1; parameter B_WIDTH = 1; parameter Y_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_A_ = 0; parameter _TECHMAP_CONSTVAL_A_ = 0;
  parameter _TECHMAP_CONSTMSK_B_ = 0; parameter _TECHMAP_CONSTVAL_B_ = 0;
  parameter _TECHMAP_CONSTMSK_CI_ = 0; parameter _TECHMAP_CONSTVAL_CI_ = 0; parameter _TECHMAP_CONSTMSK_BI_ = 0; parameter _TECHMAP_CONSTVAL_BI_ = 0;
  input [A_WIDTH-1:0] A; input [B_WIDTH-1:0] B; input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  localparam PLAIN = _TECHMAP_CONSTMSK_CI_ && !_TECHMAP_CONSTVAL_CI_ && _TECHMAP_CONSTMSK_BI_ && !_TECHMAP_CONSTVAL_BI_;
  function integer zeros; input integer unused; begin
    zeros = 0;
    while (zeros < A_WIDTH && zeros < B_WIDTH
      && ((((_TECHMAP_CONSTMSK_A_ & ~_TECHMAP_CONSTVAL_A_) | (_TECHMAP_CONSTMSK_B_ & ~_TECHMAP_CONSTVAL_B_)) >> zeros) & 1'b1)) zeros = zeros + 1;
  end endfunction
  function integer constants; input integer from; integer i; begin
    constants = 0;
    for (i = from; i < A_WIDTH; i = i + 1) constants = constants + ((_TECHMAP_CONSTMSK_A_ >> i) & 1'b1);
    for (i = from; i < B_WIDTH; i = i + 1) constants = constants + ((_TECHMAP_CONSTMSK_B_ >> i) & 1'b1);
  end endfunction
  localparam LOW = zeros(0);
  localparam W = Y_WIDTH - LOW;
  wire _TECHMAP_FAIL_ = !PLAIN || W <= 8 || Y_WIDTH == `CHAIN || A_WIDTH == 0 || B_WIDTH == 0 || 2 * constants(LOW) > W;
  wire [Y_WIDTH-1:0] AA, BB;
  generate if (A_WIDTH > 0 && B_WIDTH > 0 && W > 8) begin : extend
    \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) ea (.A(A), .Y(AA));
    \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) eb (.A(B), .Y(BB));
    wire [W-1:0] a = AA[Y_WIDTH-1:LOW], b = BB[Y_WIDTH-1:LOW], y;
    wire co;
    hw_prefix #(.W(W)) sum (.A(a), .B(b), .Y(y), .CO(co));
    assign X[Y_WIDTH-1:LOW] = a ^ b;
    assign Y[Y_WIDTH-1:LOW] = y;
    assign CO[Y_WIDTH-1:LOW] = {co, y[W-1:1] ^ a[W-1:1] ^ b[W-1:1]};
    if (LOW > 0) begin : low
      assign X[LOW-1:0] = AA[LOW-1:0] | BB[LOW-1:0];
      assign Y[LOW-1:0] = X[LOW-1:0];
      assign CO[LOW-1:0] = 0;
    end
  end endgenerate
endmodule

(* techmap_celltype = "hw_chain_bit" *)
module chain_bit (a, b, c, co, s);
  parameter ODD = 0;
  input a, b, c; output co, s;
  parameter _TECHMAP_CONSTMSK_a_ = 0; parameter _TECHMAP_CONSTMSK_b_ = 0; parameter _TECHMAP_CONSTMSK_c_ = 0;
  generate if (_TECHMAP_CONSTMSK_a_ || _TECHMAP_CONSTMSK_b_ || _TECHMAP_CONSTMSK_c_) begin : half
    assign s = a ^ b ^ c; assign co = (a & b) | (a & c) | (b & c);
  end else if (ODD) begin : odd
    FAx1_ASAP7_75t_R fa (.A(~a), .B(~b), .CI(~c), .CON(co), .SN(s));
  end else begin : even
    wire cn, sn;
    FAx1_ASAP7_75t_R fa (.A(a), .B(b), .CI(c), .CON(cn), .SN(sn));
    assign co = ~cn; assign s = ~sn;
  end endgenerate
endmodule

(* techmap_celltype = "$fa" *)
module fa_split (A, B, C, X, Y);
  parameter WIDTH = 1;
  input [WIDTH-1:0] A, B, C; output [WIDTH-1:0] X, Y;
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bit
    hw_chain_bit one (.a(A[i]), .b(B[i]), .c(C[i]), .co(X[i]), .s(Y[i]));
  end endgenerate
endmodule
