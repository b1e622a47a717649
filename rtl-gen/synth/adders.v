// How synth.py maps arithmetic to ASAP7: the library's full adder for carry-save layers and short carry chains, radix-4 Booth products.
// Sums of up to 8 bits, and those of exactly `CHAIN bits, are carry chains of full adders; others are the mapper's prefix adders.

// The full adder inverts both outputs and is self-dual: every other bit takes inverted operands and the inverted carry.
(* techmap_celltype = "$alu" *)
module ripple_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0; parameter B_SIGNED = 0; parameter A_WIDTH = 1; parameter B_WIDTH = 1; parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A; input [B_WIDTH-1:0] B; input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  wire _TECHMAP_FAIL_ = (Y_WIDTH > 8 && Y_WIDTH != `CHAIN) || Y_WIDTH < 3 || A_WIDTH == 0 || B_WIDTH == 0;
  wire [Y_WIDTH-1:0] AA, BB0;
  generate if (A_WIDTH > 0 && B_WIDTH > 0) begin : extend
    \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) ea (.A(A), .Y(AA));
    \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) eb (.A(B), .Y(BB0));
  end endgenerate
  wire [Y_WIDTH-1:0] BB = BI ? ~BB0 : BB0;
  assign X = AA ^ BB;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bit
    wire ci;
    if (i == 0) assign ci = CI; else assign ci = CO[i-1];
    hw_chain_bit #(.ODD(i % 2)) one (.a(AA[i]), .b(BB[i]), .c(ci), .co(CO[i]), .s(Y[i]));
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
